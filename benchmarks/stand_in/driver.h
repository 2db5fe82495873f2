/* What the driver's parts and the run time ask of one another. */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef uint64_t Address;

int cuDeviceGetCount(int *count);
int cuDeviceGetAttribute(int *value, int attribute, int device);
int cuDevicePrimaryCtxRetain(void **context, int device);
int cuCtxSetCurrent(void *context);
int cuCtxGetDevice(int *device);

/* The number that the machine gives a device, which CUDA_VISIBLE_DEVICES has given another. */
int machine_device(int device);

/* From anywhere to anywhere. */
void copy(Address to, Address from, size_t bytes);

/* Work of a stream; returns the moment when it begins. */
double occupy(void *stream, double seconds);

/* One kernel, or so many one after another, on a stream. */
void launch(void *stream, long kernels);
