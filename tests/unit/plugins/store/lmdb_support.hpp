// What the tests of store-lmdb share: a target with settings of its own, the sentence of a failed opening,
// and running a step in a child process.
#pragma once

#include "scratch_folder.hpp"
#include "store_suite.hpp"

#include <functional>
#include <sys/wait.h>
#include <unistd.h>

namespace plexus::test {

inline validate::store_target lmdb_target(const std::string& more = {}) {
    const std::string settings = "path = \"{folder}/store\"\n" + more;
    return {"store-lmdb", {PLEXUS_PLUGINS}, settings, settings, true};
}

/// Why the store cannot be opened; empty: it can.
inline std::string open_error(const validate::store_target& target, const std::filesystem::path& folder) {
    try {
        validate::store_bench bench(target, folder);
        bench.open();
        bench.close();
    } catch (const validate::broken_contract& failed) {
        return failed.what();
    }
    return {};
}

/// Runs `step` in a child process; the exit code is what it returns, 99 if it throws, 128 + a signal.
inline int in_child(const std::function<int()>& step) {
    const pid_t child = ::fork();
    if (child == 0) {
        int code = 99;
        try {
            code = step();
        } catch (const std::exception& thrown) {
            const std::string text = std::string(thrown.what()) + "\n";
            [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
        }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace plexus::test
