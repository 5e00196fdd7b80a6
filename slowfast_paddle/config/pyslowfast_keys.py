"""What each key of a PySlowFast YAML means here. Source: facebookresearch/SlowFast slowfast/config/defaults.py."""

from typing import Any

from slowfast_paddle.config.pyslowfast_ava import AVA_DEFAULTS

# PySlowFast's own defaults of keys that decide something, where a file may leave them out.
DEFAULTS: dict[str, Any] = {
    "MODEL.ARCH": "slowfast", "MODEL.MODEL_NAME": "SlowFast", "MODEL.NUM_CLASSES": 400, "MODEL.DROPOUT_RATE": 0.5,
    "MODEL.LOSS_FUNC": "cross_entropy", "MODEL.FROZEN_BN": False,
    "SLOWFAST.ALPHA": 8, "SLOWFAST.BETA_INV": 8, "SLOWFAST.FUSION_CONV_CHANNEL_RATIO": 2, "SLOWFAST.FUSION_KERNEL_SZ": 5,
    "RESNET.DEPTH": 50, "RESNET.TRANS_FUNC": "bottleneck_transform", "RESNET.NUM_GROUPS": 1, "RESNET.WIDTH_PER_GROUP": 64,
    "RESNET.NUM_BLOCK_TEMP_KERNEL": [[3], [4], [6], [3]], "RESNET.SPATIAL_STRIDES": [[1], [2], [2], [2]],
    "RESNET.SPATIAL_DILATIONS": [[1], [1], [1], [1]], "RESNET.ZERO_INIT_FINAL_BN": False,
    "NONLOCAL.LOCATION": [[[]], [[]], [[]], [[]]], "NONLOCAL.GROUP": [[1], [1], [1], [1]],
    "NONLOCAL.POOL": [[[1, 2, 2]], [[1, 2, 2]], [[1, 2, 2]], [[1, 2, 2]]], "NONLOCAL.INSTANTIATION": "dot_product",
    "X3D.WIDTH_FACTOR": 1.0, "X3D.DEPTH_FACTOR": 1.0, "X3D.BOTTLENECK_FACTOR": 1.0, "X3D.DIM_C1": 12, "X3D.DIM_C5": 2048,
    "X3D.SCALE_RES2": False, "X3D.BN_LIN5": False,
    "DATA.NUM_FRAMES": 8, "DATA.SAMPLING_RATE": 8, "DATA.TARGET_FPS": 30, "DATA.TRAIN_CROP_SIZE": 224,
    "DATA.TEST_CROP_SIZE": 256, "DATA.TRAIN_JITTER_SCALES": [256, 320], "DATA.INV_UNIFORM_SAMPLE": False,
    "DATA.RANDOM_FLIP": True, "DATA.MEAN": [0.45, 0.45, 0.45], "DATA.STD": [0.225, 0.225, 0.225],
    "DATA.REVERSE_INPUT_CHANNEL": False,
    "DATA.MULTI_LABEL": False, "DATA.PATH_TO_DATA_DIR": "", "DATA.PATH_LABEL_SEPARATOR": " ", "DATA.PATH_PREFIX": "",
    "DATA.ENSEMBLE_METHOD": "sum", "DATA_LOADER.NUM_WORKERS": 8,
    "BN.NORM_TYPE": "batchnorm", "BN.NUM_SPLITS": 1, "BN.USE_PRECISE_STATS": False, "BN.NUM_BATCHES_PRECISE": 200,
    "TRAIN.ENABLE": True, "TRAIN.DATASET": "kinetics", "TRAIN.BATCH_SIZE": 64, "TRAIN.EVAL_PERIOD": 10,
    "TRAIN.CHECKPOINT_PERIOD": 10, "TRAIN.MIXED_PRECISION": False,
    "TEST.ENABLE": True, "TEST.NUM_ENSEMBLE_VIEWS": 10, "TEST.NUM_SPATIAL_CROPS": 3,
    "SOLVER.BASE_LR": 0.1, "SOLVER.LR_POLICY": "cosine", "SOLVER.COSINE_END_LR": 0.0, "SOLVER.STEPS": [], "SOLVER.LRS": [],
    "SOLVER.COSINE_AFTER_WARMUP": False, "SOLVER.ZERO_WD_1D_PARAM": False, "BN.WEIGHT_DECAY": 0.0,
    "SOLVER.MAX_EPOCH": 300, "SOLVER.MOMENTUM": 0.9, "SOLVER.NESTEROV": True, "SOLVER.WEIGHT_DECAY": 1e-4,
    "SOLVER.WARMUP_EPOCHS": 0.0, "SOLVER.WARMUP_START_LR": 0.01, "SOLVER.OPTIMIZING_METHOD": "sgd",
    "SOLVER.BETAS": [0.9, 0.999], "SOLVER.LAYER_DECAY": 1.0, "SOLVER.CLIP_GRAD_L2NORM": None, "SOLVER.CLIP_GRAD_VAL": None,
    "SOLVER.LARS_ON": False, "SOLVER.BASE_LR_SCALE_NUM_SHARDS": False,
    "MIXUP.ENABLE": False, "MIXUP.ALPHA": 0.8, "MIXUP.CUTMIX_ALPHA": 1.0, "MIXUP.LABEL_SMOOTH_VALUE": 0.1,
    "AUG.ENABLE": False, "AUG.NUM_SAMPLE": 1, "AUG.AA_TYPE": "rand-m9-mstd0.5-inc1", "AUG.RE_PROB": 0.25, "AUG.RE_MODE": "pixel",
    "AUG.RE_COUNT": 1, "DATA.TRAIN_JITTER_SCALES_RELATIVE": [], "DATA.TRAIN_JITTER_ASPECT_RELATIVE": [],
    "MULTIGRID.SHORT_CYCLE": False, "MULTIGRID.LONG_CYCLE": False, "MULTIGRID.EPOCH_FACTOR": 1.5, "MULTIGRID.BN_BASE_SIZE": 8,
    "MULTIGRID.SHORT_CYCLE_FACTORS": [0.5, 0.5**0.5],
    "MULTIGRID.LONG_CYCLE_FACTORS": [[0.25, 0.5**0.5], [0.5, 0.5**0.5], [0.5, 1], [1, 1]],
    "DETECTION.ENABLE": False, "DETECTION.ALIGNED": True, "DETECTION.ROI_XFORM_RESOLUTION": 7,
    **AVA_DEFAULTS,
    "NUM_SHARDS": 1, "RNG_SEED": 1, "LOG_PERIOD": 10, "OUTPUT_DIR": "./tmp", "TENSORBOARD.ENABLE": False,
}  # fmt: skip

# Keys whose value is taken as it is.
COPIED: dict[str, str] = {
    "MODEL.NUM_CLASSES": "model.num_classes",
    "MODEL.DROPOUT_RATE": "model.dropout",
    "SLOWFAST.ALPHA": "model.alpha",
    "SLOWFAST.BETA_INV": "model.beta_inv",
    "SLOWFAST.FUSION_CONV_CHANNEL_RATIO": "model.fusion.ratio",
    "SLOWFAST.FUSION_KERNEL_SZ": "model.fusion.kernel",
    "RESNET.NUM_GROUPS": "model.groups",
    "RESNET.WIDTH_PER_GROUP": "model.width",
    "RESNET.ZERO_INIT_FINAL_BN": "model.norm.zero_init",
    "NONLOCAL.INSTANTIATION": "model.non_local.kind",
    "X3D.WIDTH_FACTOR": "model.x3d.width_factor",
    "X3D.DEPTH_FACTOR": "model.x3d.depth_factor",
    "X3D.BOTTLENECK_FACTOR": "model.x3d.bottleneck_factor",
    "X3D.DIM_C1": "model.x3d.stem_channels",
    "X3D.DIM_C5": "model.x3d.head_channels",
    "X3D.SCALE_RES2": "model.x3d.scale_res2",
    "X3D.BN_LIN5": "model.x3d.head_norm",
    "BN.NUM_SPLITS": "model.norm.splits",
    "MULTIGRID.EPOCH_FACTOR": "train.multigrid.epoch_factor",
    "MULTIGRID.BN_BASE_SIZE": "train.multigrid.bn_clips",
    "MULTIGRID.SHORT_CYCLE": "train.multigrid.short_cycle",
    "MULTIGRID.SHORT_CYCLE_FACTORS": "train.multigrid.short_factors",
    "MULTIGRID.LONG_CYCLE_FACTORS": "train.multigrid.long_factors",
    "DETECTION.ALIGNED": "model.head.roi_aligned",
    "DETECTION.ROI_XFORM_RESOLUTION": "model.head.roi_size",
    "DATA.NUM_FRAMES": "data.num_frames",
    "DATA.SAMPLING_RATE": "data.sampling_rate",
    "DATA.TARGET_FPS": "data.target_fps",
    "DATA.TRAIN_CROP_SIZE": "data.crop_px",
    "DATA.TRAIN_JITTER_SCALES": "data.short_side_px",
    "DATA.INV_UNIFORM_SAMPLE": "data.short_side_inverse",
    "DATA.MEAN": "data.mean",
    "DATA.STD": "data.std",
    "DATA.REVERSE_INPUT_CHANNEL": "data.reverse_channels",
    "DATA.PATH_PREFIX": "data.prefix",
    "DATA_LOADER.NUM_WORKERS": "data.workers",
    "TRAIN.EVAL_PERIOD": "train.valid_every_epochs",
    "TRAIN.CHECKPOINT_PERIOD": "train.save_every_epochs",
    "SOLVER.MAX_EPOCH": "train.epochs",
    "SOLVER.COSINE_END_LR": "optim.end_lr",
    "SOLVER.MOMENTUM": "optim.momentum",
    "SOLVER.NESTEROV": "optim.nesterov",
    "SOLVER.WEIGHT_DECAY": "optim.weight_decay",
    "SOLVER.COSINE_AFTER_WARMUP": "optim.cosine_after_warmup",
    "BN.WEIGHT_DECAY": "optim.norm_weight_decay",
    "SOLVER.WARMUP_EPOCHS": "optim.warmup_epochs",
    "SOLVER.WARMUP_START_LR": "optim.warmup_start_lr",
    "SOLVER.BETAS": "optim.betas",
    "SOLVER.LAYER_DECAY": "optim.layer_decay",
    "SOLVER.CLIP_GRAD_L2NORM": "optim.clip_grad_norm",
    "SOLVER.CLIP_GRAD_VAL": "optim.clip_grad_value",
    "TEST.NUM_ENSEMBLE_VIEWS": "test.num_clips",
    "TEST.NUM_SPATIAL_CROPS": "test.num_crops",
    "TENSORBOARD.ENABLE": "train.visualdl",
    "RNG_SEED": "train.seed",
    "LOG_PERIOD": "train.log_every_steps",
    "OUTPUT_DIR": "train.save_dir",
}

# Only this value (or one of these) has a counterpart; any other changes the network or its test scores.
FIXED: dict[str, tuple[Any, ...]] = {
    "TASK": ("",),
    "MODEL.MODEL_NAME": ("SlowFast", "ResNet", "X3D"),
    "MODEL.HEAD_ACT": ("softmax", "sigmoid"),
    "MODEL.USE_MEAN_POOLING": (False,),
    "RESNET.STRIDE_1X1": (False,),
    "X3D.CHANNELWISE_3x3x3": (True,),
    "DATA.USE_OFFSET_SAMPLING": (False,),
    "DATA.IN22k_TRAINVAL": (False,),
    "DATA.INPUT_CHANNEL_NUM": ([3], [3, 3]),
    "TEST.NUM_TEMPORAL_CLIPS": ([],),
    "AVA.TEST_FORCE_FLIP": (False,),
    "AVA.IMG_PROC_BACKEND": ("cv2", "pytorch"),
}

# The same for keys that change training alone: weights of such a training can be converted, its file is refused.
FIXED_TRAINING: dict[str, tuple[Any, ...]] = {
    "MODEL.FC_INIT_STD": (0.01,),
    "MODEL.DROPCONNECT_RATE": (0.0,),
    "MODEL.DETACH_FINAL_FC": (False,),
    "RESNET.ZERO_INIT_FINAL_CONV": (False,),
    "SOLVER.DAMPENING": (0.0,),
    "DATA.TRAIN_JITTER_MOTION_SHIFT": (False,),
    "DATA.TRAIN_JITTER_FPS": (0.0,),
    "DATA.COLOR_RND_GRAYSCALE": (0.0,),
    "DATA.TIME_DIFF_PROB": (0.0,),
    "DATA.SSL_COLOR_JITTER": (False,),
    "DATA.TRAIN_CROP_NUM_TEMPORAL": (1,),
    "DATA.TRAIN_CROP_NUM_SPATIAL": (1,),
    "AUG.RE_SPLIT": (False,),
    "AUG.GEN_MASK_LOADER": (False,),
    "MODEL.LOSS_FUNC": ("cross_entropy", "soft_cross_entropy", "bce", "bce_logit"),
    "AVA.TRAIN_USE_COLOR_AUGMENTATION": (False,),
}

# Keys (shell patterns) that decide nothing here: the machine, logging, where weights come from, unused settings.
HARMLESS = (
    "NUM_GPUS", "SHARD_ID", "DIST_BACKEND", "LOG_MODEL_INFO", "VIS_MASK.*", "BENCHMARK.*", "DEMO.*", "TENSORBOARD.*",
    "DATA_LOADER.PIN_MEMORY", "DATA_LOADER.ENABLE_MULTI_THREAD_DECODE", "DATA.DECODING_BACKEND", "DATA.DECODING_SHORT_SIZE",
    "DATA.PATH_TO_PRELOAD_IMDB", "DATA.TRAIN_PCA_*", "DATA.LOADER_CHUNK_*", "DATA.SKIP_ROWS", "DATA.DUMMY_LOAD",
    "DATA.SSL_*", "DATA.TIME_DIFF_*", "DATA.TRAIN_CROP_*", "DATA.SHORT_SIDE_RANGE", "DATA.IN_VAL_CROP_RATIO", "DATA.IN22K_*",
    "MODEL.SINGLE_PATHWAY_ARCH", "MODEL.MULTI_PATHWAY_ARCH", "MODEL.ACT_CHECKPOINT", "MODEL.FP16_ALLREDUCE",
    "RESNET.INPLACE_RELU", "BN.GLOBAL_SYNC", "BN.NUM_SYNC_DEVICES", "SOLVER.GAMMA", "SOLVER.STEP_SIZE", "SOLVER.WARMUP_FACTOR",
    "TRAIN.AUTO_RESUME", "TRAIN.CHECKPOINT_*", "TRAIN.KILL_LOSS_EXPLOSION_FACTOR",
    "TEST.DATASET", "TEST.BATCH_SIZE", "TEST.CHECKPOINT_*", "TEST.SAVE_RESULTS_PATH",
    "AUG.*", "MIXUP.PROB", "MIXUP.SWITCH_PROB", "MULTIGRID.*", "CONTRASTIVE.*", "MASK.*", "MVIT.*", "SLOWFAST.*", "X3D.*",
    "DETECTION.SPATIAL_SCALE_FACTOR", "AVA.TRAIN_PCA_*",
)  # fmt: skip

# Keys of older PySlowFast versions: what became of them, and the value that is fixed now.
DEPRECATED: dict[str, tuple[str, Any]] = {
    "BN.EPSILON": ("fixed at 1e-5", 1e-5),
    "BN.MOMENTUM": ("fixed at 0.1", 0.1),
    "MODEL.PATHWAYS": ("follows from MODEL.ARCH", None),
    "TRAIN.TRAIN_LIST": ("now DATA.PATH_TO_DATA_DIR with train.csv", None),
    "DATA.PATH_LABEL_SEPERATOR": ("now DATA.PATH_LABEL_SEPARATOR", None),
    "NONLOCAL.ENABLE": ("follows from NONLOCAL.LOCATION", None),
}

# What to do about a value without a counterpart, where it is neither to remove the key nor one of the values above.
_AGREE = "one label goes with cross_entropy and HEAD_ACT softmax, several (MULTI_LABEL True, or boxes) with bce and sigmoid"
ADVICE = {
    "MODEL.LOSS_FUNC": _AGREE,
    "DATA.MULTI_LABEL": _AGREE,
    "MODEL.ARCH": "known are slowfast, slow, slowonly, c2d, c2d_nopool, i3d, i3d_nopool and x3d",
}
