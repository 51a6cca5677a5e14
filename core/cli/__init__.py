"""The command `robustscope`: a file a command. What a command computes with is imported when it runs.

Exit codes: 0 done, 1 something outside is missing, unusable or not as reported, 2 a setting is impossible, 3 more was
flagged than `score --fail-above` allows, 130 interrupted, 141 whoever read the output has gone.
"""
