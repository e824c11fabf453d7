#include "control_socket.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace plexus::ui_terminal {
namespace {

namespace json = boost::json;

constexpr std::size_t most_request = 64U * 1024;
constexpr std::size_t most_connections = 16;
constexpr int backlog = 64;

error failed(const std::string& what, const std::string& path) {
    return make_error(status::io, what + " " + path + ": " + std::strerror(errno));
}

/// Sockets have short names: the folder is opened, and the name taken through it.
struct socket_place {
    int folder = -1;
    sockaddr_un address{};

    explicit socket_place(const std::string& path) {
        const auto slash = path.rfind('/');
        const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
        const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
        folder = ::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        address.sun_family = AF_UNIX;
        const std::string through = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
        std::strncpy(address.sun_path, through.c_str(), sizeof address.sun_path - 1);
    }
    socket_place(const socket_place&) = delete;
    socket_place& operator=(const socket_place&) = delete;
    ~socket_place() {
        if (folder >= 0) ::close(folder);
    }
};

} // namespace

struct control_socket::connection {
    connection(control_socket& owner_, int descriptor_) : owner(owner_), descriptor(descriptor_) {}
    ~connection() {
        if (work) work->abandon();
        readiness.reset();
        ::close(descriptor);
    }

    void begin() {
        readiness.emplace(owner.loop_, descriptor, [this](std::uint32_t events) { ready(events); });
        readiness->interest(PLEXUS_READABLE);
    }
    void ready(std::uint32_t events) {
        if ((events & PLEXUS_WRITABLE) != 0) write_some();
        if ((events & (PLEXUS_READABLE | PLEXUS_HANGUP)) != 0 && !closing) read_some();
    }
    void read_some() {
        char buffer[4096];
        const auto got = ::read(descriptor, buffer, sizeof buffer);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) { // whoever asked has gone
            shut();
            return;
        }
        if (work) return; // nothing more is expected
        request.append(buffer, static_cast<std::size_t>(got));
        if (const auto end = request.find('\n'); end != std::string::npos)
            run(request.substr(0, end));
        else if (request.size() > most_request)
            shut();
    }
    void run(const std::string& text) {
        json::error_code failure;
        const auto value = json::parse(text, failure);
        if (failure || !value.is_object()) {
            shut();
            return;
        }
        const auto& asked = value.get_object();
        const auto milliseconds = [&asked](std::string_view name) {
            const auto* given = asked.if_contains(name);
            const auto count = given != nullptr && given->is_int64() ? given->get_int64() : 0;
            return std::chrono::milliseconds(std::clamp<std::int64_t>(count, 0, 86'400'000));
        };
        const auto* coloured = asked.if_contains("colours");
        errand::request what;
        what.command = text_in(asked, "command");
        what.patience = milliseconds("patience");
        what.linger = milliseconds("linger");
        what.view.colours = style(coloured != nullptr && coloured->is_bool() && coloured->get_bool());
        what.view.qr_codes = what.view.colours.coloured();
        what.print = [this](std::string_view lines) {
            if (!lines.empty()) answer({{"print", lines}});
        };
        what.finished = [this](int exit_code) {
            answer({{"exit", exit_code}});
            closing = true;
            write_some();
        };
        work = errand::run(owner.loop_, owner.chat_, std::move(what));
    }
    void answer(const json::object& line) {
        waiting += json::serialize(line) + "\n";
        write_some();
    }
    void write_some() {
        while (!waiting.empty()) {
            const auto put = ::send(descriptor, waiting.data(), waiting.size(), MSG_NOSIGNAL);
            if (put > 0) {
                waiting.erase(0, static_cast<std::size_t>(put));
                continue;
            }
            if (put < 0 && errno == EINTR) continue;
            if (put < 0 && errno == EAGAIN) break;
            shut();
            return;
        }
        if (waiting.empty() && closing)
            shut();
        else
            readiness->interest(waiting.empty() ? PLEXUS_READABLE : PLEXUS_READABLE | PLEXUS_WRITABLE);
    }
    /// From the loop, since one of our own callbacks may be running.
    void shut() {
        closing = true;
        readiness->interest(0);
        owner.close(*this);
    }

    control_socket& owner;
    int descriptor;
    std::string request;
    std::string waiting;
    bool closing = false;
    std::shared_ptr<errand> work;
    std::optional<watch> readiness;
};

control_socket::control_socket(loop_ref loop, chat_ref chat) : loop_(loop), chat_(chat) {}

control_socket::~control_socket() {
    connections_.clear();
    watch_.reset();
    if (listener_ >= 0) {
        ::close(listener_);
        ::unlink(path_.c_str());
    }
}

result<void> control_socket::listen(const std::string& path) {
    const socket_place place(path);
    if (place.folder < 0) return failed("there is no folder for the socket", path);
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0) return failed("no socket can be made for", path);
    ::unlink(path.c_str());
    const auto mask = ::umask(0177);
    const int bound = ::bind(made, reinterpret_cast<const sockaddr*>(&place.address), sizeof place.address);
    ::umask(mask);
    if (bound != 0 || ::listen(made, backlog) != 0) {
        auto why = failed("the socket cannot be opened at", path);
        ::close(made);
        return why;
    }
    path_ = path;
    listener_ = made;
    watch_.emplace(loop_, listener_, [this](std::uint32_t) { accept_some(); });
    watch_->interest(PLEXUS_READABLE);
    return {};
}

void control_socket::accept_some() {
    for (;;) {
        const int taken = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (taken < 0) return;
        if (connections_.size() >= most_connections) {
            ::close(taken);
            continue;
        }
        connections_.push_back(std::make_shared<connection>(*this, taken));
        connections_.back()->begin();
    }
}

void control_socket::close(connection& which) {
    for (auto one = connections_.begin(); one != connections_.end(); ++one) {
        if (one->get() != &which) continue;
        auto gone = std::move(*one);
        connections_.erase(one);
        // The posted step holds it until no callback of its own can be running.
        if (!loop_.post(0, [gone] {})) gone.reset();
        return;
    }
}

} // namespace plexus::ui_terminal
