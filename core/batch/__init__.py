"""Any number of pictures, cut into shards that the processes of one machine or of many do, into a folder of Parquet."""
