"""Finding things in images: region proposals, R-CNN's stages, and the measures by which detectors and maps are judged.

>>> from lecture5 import vision
>>> vision.box_iou([[0, 0, 2, 2]], [[1, 0, 3, 2]]).round(2)
array([[0.33]])
"""

from .boxes import box_area, box_iou, clip_boxes, decode_boxes, encode_boxes, nms
from .detection import Detections, average_precision, match, mean_average_precision, precision_recall, ranked
from .proposals import graph_segmentation, grouping, region_proposals, sliding_windows
from .rcnn import RCNN, Ridge, shared_features, suppressed, warped_features
from .regions import label_proposals, roi_pool, warp
from .segmentation import boundary, boundary_iou, class_iou, confusion_matrix, mean_iou

__all__ = [
    "RCNN",
    "Detections",
    "Ridge",
    "average_precision",
    "boundary",
    "boundary_iou",
    "box_area",
    "box_iou",
    "class_iou",
    "clip_boxes",
    "confusion_matrix",
    "decode_boxes",
    "encode_boxes",
    "graph_segmentation",
    "grouping",
    "label_proposals",
    "match",
    "mean_average_precision",
    "mean_iou",
    "nms",
    "precision_recall",
    "ranked",
    "region_proposals",
    "roi_pool",
    "shared_features",
    "sliding_windows",
    "suppressed",
    "warp",
    "warped_features",
]
