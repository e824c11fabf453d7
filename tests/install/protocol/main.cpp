// Uses plexus::protocol from outside: a hash, and its text.
#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/base64.hpp"

#include <cstdio>

int main() {
    const auto digest = plexus::crypto::sha256(plexus::as_bytes("abc"));
    const std::string text = plexus::encoding::base64url_encode(digest);
    std::puts(text.c_str());
    return text == "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=" ? 0 : 1;
}
