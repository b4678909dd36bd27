// What the processes of a distributed search say to each other.  mpi/ has it over MPI; the
// tests have it between threads.
#ifndef SELKIE_CHECKER_EXCHANGE_H_
#define SELKIE_CHECKER_EXCHANGE_H_

#include <cstdint>
#include <vector>

namespace selkie {

// Every process has a number, its rank, from 0 to size() - 1.  All make the same calls in the
// same order, and each waits there for the others.
class Exchange {
 public:
  virtual ~Exchange() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  // Sends to[r] to rank r; `*got` becomes what all have sent here, by rank.
  virtual void AllToAll(const std::vector<std::vector<uint64_t>>& to,
                        std::vector<uint64_t>* got) = 0;

  // The sums over all ranks, number by number.
  virtual std::vector<uint64_t> Sum(std::vector<uint64_t> numbers) = 0;

  // The numbers of rank 0, for all.
  virtual std::vector<uint64_t> FromFirst(std::vector<uint64_t> numbers) = 0;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_EXCHANGE_H_
