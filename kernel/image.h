// Kernel images: by name from Debian packages, or any file.
//
// A name is a series, "6.1" or "6.12": the newest package
// linux-image-SERIES.*-cloud-amd64 that this machine's own apt configuration
// offers.  Packages are downloaded and unpacked into a cache folder, never
// installed.  Once a series is in the cache it is used from there, so that runs
// repeat and need no network; FetchKernel looks for a newer one.
#ifndef SELKIE_KERNEL_IMAGE_H_
#define SELKIE_KERNEL_IMAGE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace selkie {

struct KernelImage {
  std::string name;     // "6.12", or the path as given
  std::string path;     // of the bzImage
  std::string package;  // "linux-image-6.12.117+deb12-cloud-amd64"; empty for a path
  std::string version;  // of the package: "6.12.117-1~deb12u1"; empty for a path
};

// Told what is about to happen ("fetching package ... version ...").
using Announce = std::function<void(std::string_view)>;

// $SELKIE_CACHE, else $XDG_CACHE_HOME/selkie, else ~/.cache/selkie.
std::string CacheFolder();

// The image for a series, or for the path of a bzImage (anything with a '/').
// From the cache if it is there, else fetched as by FetchKernel.
// InvalidArgumentError for what is neither, or for a file that is no bzImage;
// NotFoundError if there is no such file or package.
absl::StatusOr<KernelImage> FindKernel(std::string_view name_or_path, const Announce& announce);

// Downloads the newest package of a series into the cache, unless exactly that
// is there already.  Names first what it fetches; tries a failing download three
// times; refreshes apt's lists only if they are empty.  NotFoundError lists the
// series that apt offers; UnavailableError carries apt's own last lines.
absl::StatusOr<KernelImage> FetchKernel(std::string_view series, const Announce& announce);

// The images in the cache, the newest of each series only, by series ascending.
std::vector<KernelImage> CachedKernels();

// What apt offers: the newest package of each series, by series ascending, with
// no path.  UnavailableError if there is no apt here.
absl::StatusOr<std::vector<KernelImage>> OfferedKernels();

// Whether the text is a series: digits, a dot, digits.
bool IsKernelSeries(std::string_view name);

// The series of a package's name ("6.12"), or "" if it is no cloud image.
std::string SeriesOfPackage(std::string_view package);

}  // namespace selkie

#endif  // SELKIE_KERNEL_IMAGE_H_
