// Where the passphrase of the database comes from: a word of the command line, the environment, a file, or
// somebody at the terminal. Nothing of it stays in memory that is not wiped.
#pragma once

#include "plexus/result.hpp"
#include "plexus/secret.hpp"

#include <filesystem>
#include <optional>

namespace plexus::messenger_app {

/// The value of -k or --key. It is overwritten in `argv`, since others can read the words of a process, and
/// so that no parser makes copies of it.
std::optional<secret_bytes> take_key_word(int argc, char** argv);
/// PLEXUS_PASSPHRASE, which is overwritten too.
std::optional<secret_bytes> take_key_variable();
/// All of a file but a newline at its end; "-" is standard input.
result<secret_bytes> read_key_file(const std::filesystem::path& file);
/// Asks at the terminal of the process, without an echo. Error: there is none, or the answer was broken off.
result<secret_bytes> ask_passphrase(const std::string& question);

} // namespace plexus::messenger_app
