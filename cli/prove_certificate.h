// The certificate of a proof: docs/proof.md, "The certificate".  tools/check_certificate
// reads it.
#ifndef SELKIE_CLI_PROVE_CERTIFICATE_H_
#define SELKIE_CLI_PROVE_CERTIFICATE_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "checker/prove.h"
#include "scenarios/library.h"

namespace selkie {

// The configurations of `proof`, which is closed, as JSON with the SHA-256 of every text that
// they follow from.  Errors as ReadTextFile.
absl::StatusOr<std::string> CertificateOf(const Library& library, const Property& property,
                                          const Semantics& semantics, const Proof& proof);

// FIPS 180-4, in hexadecimal.
std::string Sha256(std::string_view text);

}  // namespace selkie

#endif  // SELKIE_CLI_PROVE_CERTIFICATE_H_
