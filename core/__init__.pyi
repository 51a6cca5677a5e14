"""What a notebook needs most, in one import: each name comes from its module when it is first used."""

from .anomaly.batch_file import Scoring as Scoring
from .anomaly.batch_table import score_many as score_many
from .anomaly.calibration import calibration_path as calibration_path
from .anomaly.calibration import read_calibration as read_calibration
from .anomaly.verdict import judge as judge
from .attacks.fgsm import Fgsm as Fgsm
from .attacks.pgd import Pgd as Pgd
from .data.galleries import gallery as gallery
from .data.incoming import incoming as incoming
from .data.tasks import task_named as task_named
from .decoding.window import Window as Window
from .decoding.window import windowed as windowed
from .explanations.attack_result import attack_result as attack_result
from .explanations.class_explanations import explain as explain
from .explanations.prediction import predict as predict
from .images import decode as decode
from .images import fit as fit
from .models.given import register as register
from .models.zoo import cards as cards
from .models.zoo import load_zoo_model as load_zoo_model
from .saliency.grid import saliency_grid as saliency_grid
from .saliency.target import Target as Target
