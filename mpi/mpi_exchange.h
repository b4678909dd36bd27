// What the processes of a distributed search say to each other, over MPI.
#ifndef SELKIE_MPI_MPI_EXCHANGE_H_
#define SELKIE_MPI_MPI_EXCHANGE_H_

#include <vector>

#include "checker/exchange.h"

namespace selkie {

// Of all processes of MPI_COMM_WORLD, between MPI_Init and MPI_Finalize.  An error of MPI ends
// all of them (MPI_ERRORS_ARE_FATAL), and so does the loss of one.
class MpiExchange : public Exchange {
 public:
  MpiExchange();
  int rank() const override { return rank_; }
  int size() const override { return size_; }
  void AllToAll(const std::vector<std::vector<uint64_t>>& to, std::vector<uint64_t>* got) override;
  std::vector<uint64_t> Sum(std::vector<uint64_t> numbers) override;
  std::vector<uint64_t> FromFirst(std::vector<uint64_t> numbers) override;

 private:
  int rank_ = 0, size_ = 1;
};

}  // namespace selkie

#endif  // SELKIE_MPI_MPI_EXCHANGE_H_
