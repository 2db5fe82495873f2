"""The fine-tune itself: model, dropout, batches, optimizers, update, evaluation.

The only package that knows TensorFlow and Keras, so it says before they are imported how they
behave in every process of ours, whatever the user has set for other work.
"""

import os

# Stronger than ~/.keras/keras.json.
os.environ["KERAS_BACKEND"] = "tensorflow"
# GPUs are counted as nvidia-smi counts them, whose numbers the slots name.
os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
