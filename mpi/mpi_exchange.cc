#include "mpi/mpi_exchange.h"

#include <mpi.h>

#include <numeric>

namespace selkie {
namespace {

// Where each rank's part begins.
std::vector<int> Starts(const std::vector<int>& counts) {
  std::vector<int> starts(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), starts.begin(), 0);
  return starts;
}

}  // namespace

MpiExchange::MpiExchange() {
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
}

void MpiExchange::AllToAll(const std::vector<std::vector<uint64_t>>& to,
                           std::vector<uint64_t>* got) {
  std::vector<int> sends, receives(to.size());
  std::vector<uint64_t> sent;
  for (const std::vector<uint64_t>& words : to) {
    sends.push_back(static_cast<int>(words.size()));
    sent.insert(sent.end(), words.begin(), words.end());
  }
  MPI_Alltoall(sends.data(), 1, MPI_INT, receives.data(), 1, MPI_INT, MPI_COMM_WORLD);
  const std::vector<int> send_starts = Starts(sends), receive_starts = Starts(receives);
  got->resize(static_cast<size_t>(receive_starts.back() + receives.back()));
  MPI_Alltoallv(sent.data(), sends.data(), send_starts.data(), MPI_UINT64_T, got->data(),
                receives.data(), receive_starts.data(), MPI_UINT64_T, MPI_COMM_WORLD);
}

std::vector<uint64_t> MpiExchange::Sum(std::vector<uint64_t> numbers) {
  MPI_Allreduce(MPI_IN_PLACE, numbers.data(), static_cast<int>(numbers.size()), MPI_UINT64_T,
                MPI_SUM, MPI_COMM_WORLD);
  return numbers;
}

std::vector<uint64_t> MpiExchange::FromFirst(std::vector<uint64_t> numbers) {
  MPI_Bcast(numbers.data(), static_cast<int>(numbers.size()), MPI_UINT64_T, 0, MPI_COMM_WORLD);
  return numbers;
}

}  // namespace selkie
