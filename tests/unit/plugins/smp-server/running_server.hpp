// A server as it runs, in this process, for tests whose clients are blocking connections to 127.0.0.1.
#pragma once

#include "smp_peer.hpp"

#include "plexus/kernel/kernel.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <sstream>

namespace plexus::smp_server::test {

namespace cmd = smp::cmd;
namespace msg = smp::msg;
using bench::smp_peer;

class folder {
  public:
    folder() {
        auto name = (std::filesystem::temp_directory_path() / "smp-server-test-XXXXXX").string();
        path_ = mkdtemp(name.data());
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const noexcept { return path_; }

  private:
    std::filesystem::path path_;
};

/// `plexusd init` and a kernel over what it made, listening on a free port.
class running_server {
  public:
    explicit running_server(const std::filesystem::path& where, std::string more = "",
                            const char* store = "store-lmdb", const std::string& store_settings = "",
                            const std::string& network_settings = "",
                            const std::string& algorithm = "ed25519",
                            const std::function<void(const std::filesystem::path&)>& prepare = {})
        : where_(where) {
        std::signal(SIGPIPE, SIG_IGN); // as programs have it
        const auto plexusd = std::string(PLEXUSD_PATH) + " init " + where.string() +
                             " --host 127.0.0.1 --sign-algorithm " + algorithm + " > " + where.string() +
                             ".out";
        EXPECT_EQ(std::system(plexusd.c_str()), 0);
        if (prepare) prepare(where);
        std::string text = "[kernel]\nshards = 2\n[plugin.transport-tls]\n[plugin.network]\n" +
                           network_settings + "[plugin." + std::string(store) + "]\n";
        if (std::string(store) == "store-lmdb") text += "path = \"store\"\n";
        text += store_settings;
        text += "[plugin.smp-server]\naddress = \"127.0.0.1\"\nport = 0\ncertificate-chain = \"server.crt\"\n"
                "private-key = \"server.key\"\n" +
                more;
        kernel::kernel_options options;
        options.plugin_folders = {PLUGIN_FOLDER};
#ifdef TEST_PLUGIN_FOLDER
        options.plugin_folders.emplace_back(TEST_PLUGIN_FOLDER);
#endif
        options.log = [this](std::string_view line) {
            const std::lock_guard hold(mutex_);
            log_ += std::string(line) + "\n";
        };
        auto loaded = kernel::kernel::load({text, where / "plexus.toml"}, std::move(options));
        EXPECT_TRUE(loaded) << (loaded ? "" : loaded.error().message());
        kernel_ = std::move(loaded).value();
        const auto started = kernel_->start();
        EXPECT_TRUE(started) << (started ? "" : started.error().message());
    }
    ~running_server() {
        const auto stopped = kernel_->stop();
        EXPECT_TRUE(stopped) << (stopped ? "" : stopped.error().message());
    }

    smp::server_address address() const {
        std::ifstream in(where_ / "address");
        std::string line;
        std::getline(in, line);
        auto out = smp::parse_server_address(line).value();
        const std::lock_guard hold(mutex_);
        const auto at = log_.find(" port=");
        out.port = log_.substr(at + 6, log_.find(' ', at + 6) - at - 6);
        return out;
    }
    /// All that it listens on.
    std::vector<std::uint16_t> ports() const {
        const std::lock_guard hold(mutex_);
        const auto at = log_.find(" port=") + 6;
        std::istringstream in(log_.substr(at, log_.find(' ', at) - at));
        std::vector<std::uint16_t> out;
        for (std::string port; std::getline(in, port, ',');)
            out.push_back(static_cast<std::uint16_t>(std::stoi(port)));
        return out;
    }
    std::string log() const {
        const std::lock_guard hold(mutex_);
        return log_;
    }

  private:
    std::filesystem::path where_;
    mutable std::mutex mutex_;
    std::string log_;
    std::unique_ptr<kernel::kernel> kernel_;
};

/// Waits for the answer to the last command.
inline std::string answer_of(smp_peer& peer) {
    std::string out;
    peer.receive([&](const smp::client_event& event) {
        if (event.what == smp::client_event::kind::malformed) {
            out = "malformed";
            return true;
        }
        if (event.what != smp::client_event::kind::response) return false;
        const auto* failed = std::get_if<msg::err>(&event.content);
        out =
            failed != nullptr ? "ERR " + smp::to_text(failed->error) : std::string(smp::name(event.content));
        return true;
    });
    return out;
}

/// Waits for an event: its name, or the text of a message, whose id goes to `id`.
inline std::string next_event(smp_peer& peer, const bench::bench_queue& queue, bytes* id = nullptr) {
    std::string out;
    peer.receive([&](const smp::client_event& event) {
        const auto* message = std::get_if<msg::message>(&event.content);
        if (message == nullptr && event.what != smp::client_event::kind::event) return false;
        out = smp::name(event.content);
        if (message != nullptr) {
            auto body = to_bytes(message->body);
            const auto opened = smp::open_message_body(queue.body_key, message->message_id, body);
            out = opened ? to_string(opened->body) : "undecryptable";
            if (id != nullptr) *id = to_bytes(message->message_id);
        }
        return true;
    });
    return out;
}

} // namespace plexus::smp_server::test
