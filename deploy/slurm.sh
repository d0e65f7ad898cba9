#!/bin/bash
# Trains in step on the nodes of a Slurm job: sbatch deploy/slurm.sh --model_dir=/shared/fashion --max_steps=1500
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=2
workers=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | sed 's/.*/"&:2222"/' | paste -sd,)
export workers
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" bash -c '
  export TF_CONFIG="{\"cluster\": {\"worker\": [$workers]}, \"task\": {\"type\": \"worker\", \"index\": $SLURM_PROCID}}"
  for restart in $(seq 20); do
    cnn-estimator train --strategy=multi_worker --threads="$SLURM_CPUS_PER_TASK" "$@"
    status=$?
    [ $status -eq 138 ] || break  # 138: another task was lost
    sleep 5
  done
  exit $status
' bash "$@"
