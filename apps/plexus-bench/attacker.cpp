#include "attacker.hpp"

#include "plexus/encoding/writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <thread>

namespace plexus::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto begin_most = 120s;
constexpr auto end_most = 10s;
/// Lower than that of the one who is attacked: an attacker has machines of its own.
constexpr int attack_priority = 10;
/// Floods come over one connection for so many that only wait.
constexpr std::size_t waiting_to_flooding = 16;
constexpr std::uint32_t flood_under_way = 256;

/// The attack's own side, in its process.
class attack {
  public:
    attack(const target& to, const options& with, int says, int held)
        : to_(to), with_(with), says_(says), held_(held) {}

    result<void> run(attack_kind kind) {
        switch (kind) {
        case attack_kind::new_queues: return make_queues();
        case attack_kind::signatures: return sign_wrongly();
        case attack_kind::proxied: return ask_for_others();
        case attack_kind::half_open: return open_half();
        case attack_kind::slow: return be_slow();
        case attack_kind::deaf: return be_deaf();
        }
        return failed("no such attack");
    }

  private:
    std::size_t flooding() const { return std::max<std::size_t>(1, with_.connections / waiting_to_flooding); }
    void say_under_way() {
        if (said_) return;
        said_ = true;
        const char byte = 1;
        if (::write(says_, &byte, 1) != 1) throw std::runtime_error("the one who measures is gone");
    }
    bool is_over() const {
        pollfd one{held_, POLLIN, 0};
        return ::poll(&one, 1, 0) != 0;
    }

    result<void> make_queues() {
        constexpr std::size_t queues = 1'000;
        load on(to_, {with_.authorization, false});
        const auto clients = static_cast<std::uint32_t>(flooding());
        PLEXUS_CHECK(on.open_connections(clients));
        while (!is_over()) {
            PLEXUS_CHECK(on.create_queues(queues, false, 0, clients));
            say_under_way();
            PLEXUS_CHECK(on.delete_queues());
        }
        return {};
    }

    /// Sends the same command again with each answer, on every connection.
    result<void> flood(load& on, const std::function<void(connection&, std::uint64_t token)>& send) {
        say_under_way();
        for (std::uint32_t i = 0; i < on.connections(); ++i)
            for (std::uint32_t many = 0; many < flood_under_way; ++many) send(on.at(i), many);
        auto take = [&](connection& from, incoming& what) {
            if (what.token) send(from, *what.token);
        };
        const auto closed = [](connection&, const error&) {};
        return on.run(
            take, [&] { return is_over(); }, closed);
    }

    result<void> sign_wrongly() {
        load on(to_, {with_.authorization, false});
        PLEXUS_CHECK(on.open_connections(flooding()));
        PLEXUS_CHECK(on.create_queues(1, false, 0, 1));
        const auto& queue = on.queues().front();
        bytes body;
        encoding::writer out(body);
        smp::write(out, smp::cmd::sub{}, on.at(0).version());
        std::vector<ready_command> ready;
        for (std::uint32_t i = 0; i < on.connections(); ++i) {
            signer wrong;
            wrong.key = crypto::private_key::generate(with_.authorization, random_);
            PLEXUS_CHECK(on.at(i).attach(wrong));
            ready.push_back(on.at(i).prepare(1, body, queue.recipient_id, wrong));
        }
        PLEXUS_CHECK(flood(on, [&](connection& with, std::uint64_t) {
            with.send(ready[with.index()], body, queue.recipient_id);
        }));
        return {};
    }

    result<void> ask_for_others() {
        load on(to_, {with_.authorization, false});
        PLEXUS_CHECK(on.open_connections(flooding()));
        smp::cmd::prxy asked;
        asked.server.hosts.push_back({encoding::host_kind::ipv4, "192.0.2.1"}); // of documents: nobody's
        if (!to_.address.password.empty()) asked.password = bytes_view(to_.address.password);
        return flood(on, [&](connection& with, std::uint64_t token) {
            random_.fill(asked.server.fingerprint);
            with.send(token, asked, {}, nullptr);
        });
    }

    /// Makes connections again that the server has closed, until it is over.
    template <typename Connection, typename Open, typename Use>
    result<void> keep_open(std::vector<Connection>& all, Open open, Use use) {
        all.resize(with_.connections);
        while (!is_over()) {
            for (auto& each : all) {
                if (!each) each = open();
                if (each && !use(*each)) each = {};
                if (is_over()) return {};
            }
            say_under_way();
            std::this_thread::sleep_for(100ms);
        }
        return {};
    }

    class raw_socket {
      public:
        explicit raw_socket(const target& to)
            : descriptor_(::socket(to.endpoint.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
            const auto& at = to.endpoint;
            open_ = ::connect(descriptor_, at.data(), static_cast<socklen_t>(at.size())) == 0;
        }
        raw_socket(const raw_socket&) = delete;
        raw_socket& operator=(const raw_socket&) = delete;
        ~raw_socket() { ::close(descriptor_); }
        /// The server says nothing to it: what comes is the end.
        bool is_open() const {
            pollfd one{descriptor_, POLLIN, 0};
            return open_ && ::poll(&one, 1, 0) == 0;
        }

      private:
        int descriptor_;
        bool open_ = false;
    };

    result<void> open_half() {
        std::vector<std::unique_ptr<raw_socket>> all;
        return keep_open(
            all, [&] { return std::make_unique<raw_socket>(to_); },
            [](raw_socket& one) { return one.is_open(); });
    }

    result<void> be_slow() {
        const auto context = make_tls_context(false, to_.group);
        static constexpr unsigned char alpn[] = "\x05smp/1";
        SSL_CTX_set_alpn_protos(context.get(), alpn, sizeof alpn - 1);
        std::vector<std::unique_ptr<tls_peer>> all;
        const auto open = [&]() -> std::unique_ptr<tls_peer> {
            try {
                return std::make_unique<tls_peer>(tls_peer::connect(to_.endpoint.port(), context.get()));
            } catch (const std::runtime_error&) {
                return nullptr; // the server takes no more
            }
        };
        return keep_open(all, open, [](tls_peer& one) {
            const std::uint8_t byte = 0;
            try {
                one.write({&byte, 1});
            } catch (const std::runtime_error&) {
                return false;
            }
            return true;
        });
    }

    result<void> be_deaf() {
        constexpr std::size_t queues_each = 32;
        load on(to_, {with_.authorization, false});
        const auto clients = static_cast<std::uint32_t>(flooding());
        PLEXUS_CHECK(on.open_connections(clients));
        PLEXUS_CHECK(on.create_queues(clients * queues_each, false, 0, clients));
        PLEXUS_CHECK(fill_queues(on));
        say_under_way();
        for (std::uint32_t i = 0; i < clients; ++i) on.at(i).stop_reading();
        const auto nothing = [](connection&, incoming&) {};
        const auto closed = [](connection&, const error&) {};
        while (!is_over()) {
            for (auto& queue : on.queues()) {
                auto& with = on.at(queue.recipient_connection);
                if (with.is_ready() && !with.is_writing())
                    with.send(0, smp::cmd::sub{}, queue.recipient_id, &queue.recipient);
            }
            const auto next = std::chrono::steady_clock::now() + 20ms;
            PLEXUS_CHECK(on.run(
                nothing, [&] { return std::chrono::steady_clock::now() >= next; }, closed));
        }
        return {};
    }

    /// A message in each queue.
    static result<void> fill_queues(load& on) {
        const bytes body(smp::max_message_length(on.at(0).version()), 'm');
        std::size_t answered = 0;
        for (auto& queue : on.queues())
            on.at(queue.recipient_connection).send(0, smp::cmd::send{{}, body}, queue.sender_id, nullptr);
        return on.run(
            [&](connection&, incoming& what) {
                ++answered;
                if (auto refused = load::refusal("SEND", what.content)) on.fail(*refused);
            },
            [&] { return answered == on.queues().size(); });
    }

    const target& to_;
    const options& with_;
    system_random random_;
    int says_;
    int held_;
    bool said_ = false;
};

} // namespace

attacker::attacker(attack_kind kind, const target& to, const options& with) {
    int says[2];
    int holds[2];
    if (::pipe2(says, O_CLOEXEC) != 0 || ::pipe2(holds, O_CLOEXEC) != 0)
        throw std::runtime_error("no pipe can be made");
    pid_ = ::fork();
    if (pid_ == 0) {
        ::close(says[0]);
        ::close(holds[1]);
        static_cast<void>(::setpriority(PRIO_PROCESS, 0, attack_priority));
        int code = 0;
        try {
            if (!attack(to, with, says[1], holds[0]).run(kind)) code = 1;
        } catch (const std::exception&) {
            code = 1;
        }
        ::_exit(code);
    }
    ::close(says[1]);
    ::close(holds[0]);
    says_ = says[0];
    holds_ = holds[1];
    if (pid_ < 0) throw std::runtime_error("no process can be made");
}

attacker::~attacker() {
    ::close(holds_);
    ::close(says_);
    const auto until = std::chrono::steady_clock::now() + end_most;
    while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > until) ::kill(pid_, SIGKILL);
        std::this_thread::sleep_for(2ms);
    }
}

result<void> attacker::wait_until_under_way() const {
    pollfd one{says_, POLLIN, 0};
    const auto most = std::chrono::duration_cast<std::chrono::milliseconds>(begin_most).count();
    int found = ::poll(&one, 1, static_cast<int>(most));
    while (found < 0 && errno == EINTR) found = ::poll(&one, 1, static_cast<int>(most));
    char byte = 0;
    if (found != 1 || ::read(says_, &byte, 1) != 1)
        return failed("the attack could not be begun: the server refused it, or took too long");
    return {};
}

} // namespace plexus::bench
