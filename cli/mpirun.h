// What mpirun says in the environment of the processes that it starts.
#ifndef SELKIE_CLI_MPIRUN_H_
#define SELKIE_CLI_MPIRUN_H_

namespace selkie {

struct Launch {
  int processes = 1;  // that were started together
  int rank = 0;       // which of them this one is
};

// Of Open MPI and of those that speak PMI (MPICH, srun); one process where nobody says more.
Launch LaunchOfThisProcess();

}  // namespace selkie

#endif  // SELKIE_CLI_MPIRUN_H_
