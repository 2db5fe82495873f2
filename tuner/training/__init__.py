"""The fine-tune itself: model, dropout, batches, optimizers, update, evaluation.

The only package that knows TensorFlow and Keras.
"""
