#include "admin_socket.hpp"

#include "socket_place.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

namespace plexus::smp_admin {
namespace {

namespace json = boost::json;

constexpr std::size_t most_request = 4'096;
constexpr std::size_t most_connections = 16;
constexpr std::size_t most_words = 8;

error failed(const std::string& what, const std::string& path) {
    return make_error(status::io, what + " " + path + ": " + std::strerror(errno));
}

bool is_operator(int descriptor) {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == 0 || peer.uid == ::geteuid());
}

std::optional<std::vector<std::string>> words_of(std::string_view line) {
    json::error_code failure;
    const auto value = json::parse(line, failure);
    if (failure || !value.is_array() || value.get_array().empty() || value.get_array().size() > most_words)
        return std::nullopt;
    std::vector<std::string> out;
    for (const auto& each : value.get_array()) {
        if (!each.is_string()) return std::nullopt;
        out.emplace_back(each.get_string());
    }
    return out;
}

} // namespace

struct admin_socket::connection : std::enable_shared_from_this<connection> {
    connection(admin_socket& of, int socket) : owner(of), descriptor(socket) {}
    connection(const connection&) = delete;
    connection& operator=(const connection&) = delete;
    ~connection() {
        readiness.reset();
        ::close(descriptor);
    }

    void begin() {
        readiness.emplace(owner.loop_, descriptor, [this](std::uint32_t events) {
            const auto kept = shared_from_this();
            if ((events & PLEXUS_WRITABLE) != 0) write_some();
            if (open && (events & (PLEXUS_READABLE | PLEXUS_HANGUP)) != 0) read_some();
        });
        readiness->interest(PLEXUS_READABLE);
    }
    void read_some() {
        char buffer[1024];
        const auto got = ::read(descriptor, buffer, sizeof buffer);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0 || asked) return shut(); // nothing is to come after the question
        request.append(buffer, static_cast<std::size_t>(got));
        if (const auto end = request.find('\n'); end != std::string::npos)
            ask(std::string_view(request).substr(0, end));
        else if (request.size() > most_request)
            shut();
    }
    void ask(std::string_view line) {
        auto words = words_of(line);
        if (!words) return shut();
        asked = true;
        owner.asked_(std::move(*words), [weak = weak_from_this()](const answer& found) {
            if (const auto self = weak.lock(); self && self->open) self->say(found);
        });
    }
    void say(const answer& found) {
        json::object line;
        if (found)
            line["answer"] = *found;
        else
            line["error"] = found.error().message();
        waiting = json::serialize(line) + "\n";
        write_some();
    }
    void write_some() {
        while (!waiting.empty()) {
            const auto put = ::send(descriptor, waiting.data(), waiting.size(), MSG_NOSIGNAL);
            if (put < 0 && errno == EINTR) continue;
            if (put < 0 && errno == EAGAIN) return readiness->interest(PLEXUS_READABLE | PLEXUS_WRITABLE);
            if (put <= 0) break;
            waiting.erase(0, static_cast<std::size_t>(put));
        }
        shut();
    }
    void shut() {
        open = false;
        readiness->interest(0);
        owner.drop(*this);
    }

    admin_socket& owner;
    int descriptor;
    std::string request;
    std::string waiting;
    bool asked = false;
    bool open = true;
    std::optional<watch> readiness;
};

admin_socket::admin_socket(loop_ref loop, std::function<void(std::vector<std::string>, reply)> asked)
    : loop_(loop), asked_(std::move(asked)) {}

admin_socket::~admin_socket() {
    connections_.clear();
    watch_.reset();
    if (listener_ < 0) return;
    ::close(listener_);
    ::unlink(path_.c_str());
}

result<void> admin_socket::listen(const std::string& path) {
    const socket_place place(path);
    if (!place.has_folder()) return failed("there is no folder for the admin socket", path);
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (made < 0) return failed("no socket can be made for", path);
    ::unlink(path.c_str());
    const auto mask = ::umask(0177);
    const int bound = ::bind(made, place.address(), socket_place::size());
    ::umask(mask);
    if (bound != 0 || ::listen(made, static_cast<int>(most_connections)) != 0) {
        auto why = failed("the admin socket cannot be opened at", path);
        ::close(made);
        return why;
    }
    path_ = path;
    listener_ = made;
    watch_.emplace(loop_, listener_, [this](std::uint32_t) { accept_some(); });
    watch_->interest(PLEXUS_READABLE);
    return {};
}

void admin_socket::accept_some() {
    while (true) {
        const int taken = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (taken < 0) return;
        if (connections_.size() >= most_connections || !is_operator(taken)) {
            ::close(taken);
            continue;
        }
        connections_.push_back(std::make_shared<connection>(*this, taken));
        connections_.back()->begin();
    }
}

void admin_socket::drop(connection& which) {
    const auto same = [&which](const auto& one) { return one.get() == &which; };
    const auto found = std::find_if(connections_.begin(), connections_.end(), same);
    if (found == connections_.end()) return;
    auto gone = std::move(*found);
    connections_.erase(found);
    // The posted step holds it until no callback of its own can be running.
    loop_.post(0, [gone] {});
}

} // namespace plexus::smp_admin
