# mpi.sh EXCHANGE OUTPUT - three ranks of it, on this machine.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
exec mpirun.openmpi --oversubscribe -n 3 "$1" "$2" $((HWCKPT_STRESS ? 2000 : 300))
