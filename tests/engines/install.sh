#!/bin/sh
# Installs what tests/cluster starts, on Debian or Ubuntu, as root: 40 s. Ray and submitit come
# with the test command of README.md. Nothing is left running: the tests start servers of their own.
set -eu
export DEBIAN_FRONTEND=noninteractive
mkdir -p /etc/postgresql-common
echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends \
    postgresql munge slurm-client slurmctld slurmd
