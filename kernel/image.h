// Kernel images: by name from Debian packages, or any file.
//
// A name is a series, "6.1" or "6.12": the newest package
// linux-image-SERIES.*-cloud-amd64 that this machine's own apt configuration
// offers, or, if it offers none, other releases of Debian.  A name may also be one
// build: "5.10.0-30", "6.12.43+deb12".  Packages are downloaded and unpacked into a
// cache folder, never installed.  Once a kernel is in the cache it is used from
// there, so that runs repeat and need no network; FetchKernel looks for a newer one.
#ifndef SELKIE_KERNEL_IMAGE_H_
#define SELKIE_KERNEL_IMAGE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernel/apt.h"

namespace selkie {

struct KernelImage {
  std::string name;     // "6.12", or the path as given
  std::string path;     // of the bzImage
  std::string package;  // "linux-image-6.12.117+deb12-cloud-amd64"; empty for a path
  std::string version;  // of the package: "6.12.117-1~deb12u1"; empty for a path
};

// $SELKIE_CACHE, else $XDG_CACHE_HOME/selkie, else ~/.cache/selkie.
std::string CacheFolder();

// The image for a name, or for the path of a bzImage (anything with a '/').
// From the cache if it is there, else fetched as by FetchKernel.
// InvalidArgumentError for what is neither, or for a file that is no bzImage;
// NotFoundError if there is no such file or package.
absl::StatusOr<KernelImage> FindKernel(std::string_view name_or_path, const Announce& announce);

// Downloads the newest package of that name into the cache, unless exactly that
// is there already.  Names first what it fetches; tries a failing download three
// times; refreshes apt's lists only if they are empty.  NotFoundError lists the
// series that apt offers; UnavailableError carries apt's own last lines.
absl::StatusOr<KernelImage> FetchKernel(std::string_view name, const Announce& announce);

// The images in the cache, the newest of each series only, by series ascending.
std::vector<KernelImage> CachedKernels();

// By which configuration of apt: the machine's own, or that for other releases of
// Debian, whose lists are downloaded (about 40 MB) if they are not in the cache.
enum class Suites { kMachine, kOthers };

// What apt offers: the newest package of each series, by series ascending, with
// no path.  UnavailableError if there is no apt here.
absl::StatusOr<std::vector<KernelImage>> OfferedKernels(Suites suites, const Announce& announce);

// Whether the text is a series: digits, a dot, digits.
bool IsKernelSeries(std::string_view name);

// Whether the text is a series or a build of one: "5.10.0-30", "6.12.43+deb12".
bool IsKernelName(std::string_view name);

// The series of a package's name ("6.12"), or "" if it is no cloud image.
std::string SeriesOfPackage(std::string_view package);

}  // namespace selkie

#endif  // SELKIE_KERNEL_IMAGE_H_
