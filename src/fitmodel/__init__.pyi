# The public names: what type checkers and editors see, and what __init__.py loads on first use.
# Each line imports one name as itself, which is how a stub exports it.
from .backtesting import backtest as backtest
from .comparing import compare_models as compare_models
from .crm.reading import read_deals as read_deals
from .datasets.simulation import simulate_deals as simulate_deals
from .datasets.telco import load_telco as load_telco
from .deals.contract import DealSpec as DealSpec
from .exceptions import FitModelError as FitModelError
from .leakage.audit import audit_leakage as audit_leakage
from .learning.classifier import ProspectFitClassifier as ProspectFitClassifier
from .loading import ModelHolder as ModelHolder
from .loading import load as load
from .loading import predict as predict
from .model.assessment import Assessment as Assessment
from .model.fitmodel import FitModel as FitModel
from .scoring.batch import score_file as score_file
from .sweeping import sweep as sweep
from .training import TrainingRun as TrainingRun
from .training import train as train

__version__: str
