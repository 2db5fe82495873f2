/* What the run time asks of the driver. */
#pragma once
#include <stddef.h>

int cuInit(unsigned flags);
int cuDeviceGetCount(int *count);
int cuDeviceGetAttribute(int *value, int attribute, int device);
int cuDevicePrimaryCtxRetain(void **context, int device);
int cuCtxSetCurrent(void *context);
int cuCtxGetDevice(int *device);

/* One kernel, or so many one after another, on a stream. */
void launch(void *stream, long kernels);
