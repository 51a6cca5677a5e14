"""The detectors that calibrations hold, and pages, tables and reports offer."""

from collections.abc import Mapping

from core.anomaly.ash import ASH_DETECTOR
from core.anomaly.attack_trained import (
    ATTACKED_ACTIVATIONS_DETECTOR,
    ATTACKED_ALL_DETECTOR,
    ATTACKED_BOTH_DETECTOR,
    ATTACKED_GRADIENTS_DETECTOR,
)
from core.anomaly.combined import COMBINED_DETECTOR
from core.anomaly.detector import Detector
from core.anomaly.fdbd import FDBD_DETECTOR
from core.anomaly.gen import GEN_DETECTOR
from core.anomaly.grood import GROOD_DETECTOR
from core.anomaly.joint import JOINT_DETECTOR
from core.anomaly.knn import KNN_DETECTOR
from core.anomaly.mahalanobis_plus import MAHALANOBIS_PLUS_DETECTOR
from core.anomaly.measured_scores import (
    DIRECTION_DETECTOR,
    ENERGY_DETECTOR,
    GRADNORM_DETECTOR,
    MAHALANOBIS_DETECTOR,
    MSP_DETECTOR,
    ODIN_DETECTOR,
    VIM_DETECTOR,
)
from core.anomaly.nci import NCI_DETECTOR
from core.anomaly.nnguide import NNGUIDE_DETECTOR
from core.anomaly.norm_profiles import (
    LARGEST_DETECTOR,
    NORMS_ALL_DETECTOR,
    NORMS_DETECTOR,
    NORMS_RAW_DETECTOR,
    PREDICTED_DETECTOR,
    SOFTMAX_DETECTOR,
    SUM_DETECTOR,
)
from core.anomaly.perceptron_detector import PERCEPTRON_DETECTOR
from core.anomaly.react import REACT_DETECTOR
from core.anomaly.rmd import RMD_DETECTOR
from core.anomaly.scale import SCALE_DETECTOR

_DETECTORS = (
    NORMS_DETECTOR,
    NORMS_ALL_DETECTOR,
    NORMS_RAW_DETECTOR,
    LARGEST_DETECTOR,
    SUM_DETECTOR,
    SOFTMAX_DETECTOR,
    PREDICTED_DETECTOR,
    COMBINED_DETECTOR,
    DIRECTION_DETECTOR,
    PERCEPTRON_DETECTOR,
    ATTACKED_GRADIENTS_DETECTOR,
    ATTACKED_ACTIVATIONS_DETECTOR,
    ATTACKED_BOTH_DETECTOR,
    ATTACKED_ALL_DETECTOR,
    MSP_DETECTOR,
    ENERGY_DETECTOR,
    ODIN_DETECTOR,
    MAHALANOBIS_DETECTOR,
    VIM_DETECTOR,
    GRADNORM_DETECTOR,
    KNN_DETECTOR,
    MAHALANOBIS_PLUS_DETECTOR,
    GEN_DETECTOR,
    FDBD_DETECTOR,
    GROOD_DETECTOR,
    NCI_DETECTOR,
    NNGUIDE_DETECTOR,
    RMD_DETECTOR,
    REACT_DETECTOR,
    ASH_DETECTOR,
    SCALE_DETECTOR,
    JOINT_DETECTOR,
)
DETECTORS: Mapping[str, Detector] = {detector.key: detector for detector in _DETECTORS}
"""By the key used in files and URLs. One may read the scores of those before it."""
DEFAULT = NORMS_ALL_DETECTOR.key
