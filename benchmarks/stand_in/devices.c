/* libcuda: which devices there are, what they can do, which one a thread uses; errors. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"
#include "machine.h"

static int visible[MOST_DEVICES], count = -1;

/* An index, or the beginning of an identifier as the management library makes them. */
static int named_device(const char *name) {
  if (!strncmp(name, "GPU-", 4)) name += 4;
  return *name >= '0' && *name <= '9' ? atoi(name) : -1;
}

int cuInit(unsigned flags) {
  if (count >= 0) return count ? SUCCESS : NO_DEVICE;
  const char *given = getenv("CUDA_VISIBLE_DEVICES");
  count = 0;
  if (!given)
    for (; count < device_count(); count++) visible[count] = count;
  char *names = strdup(given ? given : ""), *rest = names;
  for (char *name; (name = strsep(&rest, ",")) && count < MOST_DEVICES;) {
    int device = named_device(name);
    if (device < 0 || device >= device_count()) break; /* CUDA ignores those behind it, too. */
    visible[count++] = device;
  }
  free(names);
  return count ? SUCCESS : NO_DEVICE;
}

int machine_device(int device) { return visible[device]; }

int cuDriverGetVersion(int *version) {
  *version = CUDA_VERSION;
  return SUCCESS;
}

int cuDeviceGetCount(int *found) {
  cuInit(0);
  *found = count;
  return SUCCESS;
}

int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return ordinal < count ? SUCCESS : INVALID_DEVICE;
}

int cuDeviceGetName(char *name, int size, int device) {
  snprintf(name, (size_t)size, DEVICE_NAME);
  return SUCCESS;
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  *bytes = device_bytes();
  return SUCCESS;
}

int cuDeviceGetPCIBusId(char *name, int size, int device) {
  snprintf(name, (size_t)size, "0000:%02x:00.0", visible[device] + 1);
  return SUCCESS;
}

/* Those of an H100 that are not 0, by CUDA's numbers of attributes. */
static const int attributes[] = {
    [1] = 1024,       /* threads in a block */
    [2] = 1024,       /* and along x, */
    [3] = 1024,       /* y */
    [4] = 64,         /* and z */
    [5] = 2147483647, /* blocks in a grid along x, */
    [6] = 65535,      /* y */
    [7] = 65535,      /* and z */
    [8] = 49152,      /* bytes of shared memory in a block */
    [9] = 65536,      /* bytes of constant memory */
    [10] = 32,        /* threads in a warp */
    [11] = 2147483647, /* bytes from row to row of a copy */
    [12] = 65536,     /* registers in a block */
    [13] = 1980000,   /* kHz */
    [14] = 512,       /* alignment of textures */
    [15] = 1,         /* copies overlap with kernels */
    [16] = 132,       /* multiprocessors */
    [19] = 1,         /* can map memory of the host */
    [31] = 1,         /* several kernels at a time */
    [36] = 2619000,   /* kHz of the memory */
    [37] = 5120,      /* bits of its bus */
    [38] = 52428800,  /* bytes of L2 cache */
    [39] = 2048,      /* threads in a multiprocessor */
    [40] = 3,         /* engines that copy */
    [41] = 1,         /* addresses unified with the host's */
    [75] = 9,         /* compute capability 9.0 */
    [78] = 1,         /* priorities of streams */
    [81] = 233472,    /* bytes of shared memory in a multiprocessor */
    [82] = 65536,     /* registers there */
    [83] = 1,         /* managed memory */
    [95] = 1,         /* cooperative launches */
    [97] = 232448,    /* bytes of shared memory in a block that asks for them */
    [106] = 32,       /* blocks in a multiprocessor */
    [111] = 1024,     /* bytes of shared memory that each block loses */
    [115] = 1,        /* pools of memory */
};

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  int known = attribute >= 0 && attribute < (int)(sizeof attributes / sizeof *attributes);
  *value = known ? attributes[attribute] : 0;
  if (attribute == 33) *value = visible[device] + 1; /* the PCI bus */
  return SUCCESS;
}

/* Contexts: one for each device, told by its address. */

static char contexts[MOST_DEVICES];
static _Thread_local char *current;

int cuDevicePrimaryCtxRetain(void **context, int device) {
  *context = contexts + device;
  return SUCCESS;
}

int cuDevicePrimaryCtxGetState(int device, unsigned *flags, int *active) {
  *flags = 0;
  *active = 1;
  return SUCCESS;
}

int cuCtxGetCurrent(void **context) {
  *context = current;
  return SUCCESS;
}

int cuCtxSetCurrent(void *context) {
  current = context;
  return SUCCESS;
}

int cuCtxGetDevice(int *device) {
  *device = current ? (int)(current - contexts) : 0;
  return SUCCESS;
}

int cuCtxGetStreamPriorityRange(int *least, int *greatest) {
  *least = 0;
  *greatest = -5;
  return SUCCESS;
}

/* Errors */

int cuGetErrorName(int error, const char **name) {
  *name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
          : error == NO_DEVICE   ? "CUDA_ERROR_NO_DEVICE"
                                 : "CUDA_ERROR_UNKNOWN";
  return SUCCESS;
}

int cuGetErrorString(int error, const char **text) {
  *text = error == OUT_OF_MEMORY ? "out of memory"
          : error == NO_DEVICE   ? "no CUDA-capable device is detected"
                                 : "an error of the stand-in";
  return SUCCESS;
}
