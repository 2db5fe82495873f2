/* libnvidia-ml (NVML): how many GPUs there are, and who has how much of their memory. */
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

enum { INVALID_ARGUMENT = 2, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7 };

/* Handles of devices are addresses in here. */
static char handles[MOST_DEVICES];

static int index_of(const void *handle) { return (int)((const char *)handle - handles); }

int nvmlDeviceGetCount_v2(unsigned *count) {
  *count = (unsigned)device_count();
  return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
  if (index >= (unsigned)device_count()) return INVALID_ARGUMENT;
  *handle = handles + index;
  return SUCCESS;
}

int nvmlDeviceGetHandleByPciBusId_v2(const char *bus, void **handle) {
  unsigned domain, number;
  if (sscanf(bus, "%x:%x", &domain, &number) != 2) return INVALID_ARGUMENT;
  return nvmlDeviceGetHandleByIndex_v2(number - 1, handle);
}

int nvmlDeviceGetUUID(void *handle, char *name, unsigned size) {
  snprintf(name, size, "GPU-%d0000000-0000-0000-0000-000000000000", index_of(handle));
  return SUCCESS;
}

int nvmlDeviceGetName(void *handle, char *name, unsigned size) {
  snprintf(name, size, DEVICE_NAME);
  return SUCCESS;
}

int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *found) {
  enum { TOTAL, FREE, USED };
  found[TOTAL] = device_bytes();
  found[USED] = memory_taken(index_of(handle));
  found[FREE] = found[TOTAL] > found[USED] ? found[TOTAL] - found[USED] : 0;
  return SUCCESS;
}

int nvmlDeviceGetMemoryInfo_v2(void *handle, unsigned long long *found) {
  enum { VERSION, TOTAL, RESERVED, FREE, USED };
  unsigned long long first[3];
  nvmlDeviceGetMemoryInfo(handle, first);
  found[TOTAL] = first[0];
  found[RESERVED] = 0;
  found[FREE] = first[1];
  found[USED] = first[2];
  return SUCCESS;
}

typedef struct {
  unsigned pid;
  unsigned long long bytes;
  unsigned instances[2];
} Process;

int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, Process *processes) {
  enum { MOST = 64 };
  Taker found[MOST];
  unsigned room = processes ? *count : 0;
  *count = takers(index_of(handle), found, MOST);
  if (*count > room) return INSUFFICIENT_SIZE;
  for (unsigned i = 0; i < *count; i++)
    processes[i] = (Process){(unsigned)found[i].pid, found[i].bytes, {0, 0}};
  return SUCCESS;
}

int nvmlDeviceGetUtilizationRates(void *handle, unsigned *rates) { return NOT_SUPPORTED; }

int nvmlDeviceGetMigMode(void *handle, unsigned *now, unsigned *then) { return NOT_SUPPORTED; }

int nvmlDeviceGetNvLinkState(void *handle, unsigned link, unsigned *up) { return NOT_SUPPORTED; }

int nvmlDeviceGetGpuFabricInfoV(void *handle, void *found) { return NOT_SUPPORTED; }

int nvmlDeviceGetCurrPcieLinkGeneration(void *handle, unsigned *generation) {
  *generation = 5;
  return SUCCESS;
}

int nvmlDeviceGetCurrPcieLinkWidth(void *handle, unsigned *width) {
  *width = 16;
  return SUCCESS;
}

int nvmlSystemGetDriverVersion(char *version, unsigned size) {
  snprintf(version, size, "580.0 (a stand-in)");
  return SUCCESS;
}

const char *nvmlErrorString(int error) { return "an error of the stand-in"; }
