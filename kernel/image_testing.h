// For tests: an environment variable that gets its old value back.
#ifndef SELKIE_KERNEL_IMAGE_TESTING_H_
#define SELKIE_KERNEL_IMAGE_TESTING_H_

#include <cstdlib>
#include <optional>
#include <string>

namespace selkie {

class ScopedVariable {
 public:
  // With no value the variable is unset.
  ScopedVariable(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    Set(value);
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;
  ~ScopedVariable() { Set(old_); }

 private:
  void Set(const std::optional<std::string>& value) const {
    value ? setenv(name_, value->c_str(), 1) : unsetenv(name_);
  }

  const char* name_;
  std::optional<std::string> old_;
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_IMAGE_TESTING_H_
