/* cuBLAS, cuBLASLt and cuDNN: versions that TensorFlow accepts, and handles. */
#include <stdlib.h>

#include "machine.h"

static int create(void **handle) {
  *handle = calloc(1, 1);
  return SUCCESS;
}

int cublasCreate_v2(void **handle) { return create(handle); }

int cublasLtCreate(void **handle) { return create(handle); }

int cusolverDnCreate(void **handle) { return create(handle); }

int cusparseCreate(void **handle) { return create(handle); }

int cudnnCreate(void **handle) { return create(handle); }

int cublasGetVersion_v2(void *handle, int *version) {
  *version = 120903;
  return SUCCESS;
}

size_t cublasLtGetVersion(void) { return 120903; }

size_t cudnnGetVersion(void) { return 92800; }

int cudnnGetProperty(int part, int *version) {
  static const int parts[] = {9, 28, 0};
  *version = parts[part];
  return SUCCESS;
}
