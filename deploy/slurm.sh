#!/bin/bash
# Trains in step on the nodes of a Slurm job: sbatch deploy/slurm.sh --model_dir=/shared/fashion --max_steps=1500
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=2
workers=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed 's/.*/"&:2222"/' | paste -sd,)
export workers
srun bash -c '
  export TF_CONFIG="{\"cluster\": {\"worker\": [$workers]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  # A task that lost another one ends with status 138, and starts again.
  until cnn-estimator train --strategy=multi_worker --threads="$SLURM_CPUS_PER_TASK" "$@" || [ $? -ne 138 ]; do :; done
' bash "$@"
