#include "plexus/net/connecting.hpp"

#include <algorithm>
#include <cstring>

namespace plexus::net {

namespace {
constexpr nanoseconds timeout_most = std::chrono::hours(24);
}

plexus_connect_options whole(const plexus_connect_options& given) noexcept {
    plexus_connect_options out{};
    std::memcpy(&out, &given, std::min<std::size_t>(given.size, sizeof out));
    out.size = sizeof out;
    return out;
}

result<void> check_target(const plexus_connect_options& options) {
    const auto host = text_of(options.host);
    if (host.empty()) return make_error(status::invalid, "no host to connect to");
    if (host.find('\0') != host.npos) return make_error(status::invalid, "a host name with a zero byte");
    if (options.port == 0 || options.port > 65535)
        return make_error(status::invalid, std::to_string(options.port) + " is no TCP port: 1 to 65535 are");
    return {};
}

connecting::connecting(account& owner, const plexus_connect_options& options, nanoseconds timeout,
                       connected_function done, void* context)
    : owner_(owner), hold_(owner), done_(done), context_(context), flags_(options.flags),
      host_(text_of(options.host)), port_(options.port), name_(shown(host_, port_)),
      timeout_(options.timeout_ns == 0
                   ? timeout
                   : nanoseconds(static_cast<std::int64_t>(
                         std::min(options.timeout_ns, static_cast<std::uint64_t>(timeout_most.count()))))),
      deadline_(owner.loop, [this] { timed_out(); }) {
    operation_.owner = this;
    operation_.cancel = [](plexus_operation* raw) {
        auto* self = static_cast<cancel_handle*>(raw)->owner;
        self->calling_ = true;
        self->fail(make_error(status::cancelled, "the connection to " + self->name_ + " was cancelled"));
    };
}

plexus_operation* connecting::start(std::unique_ptr<connecting> self) {
    connecting* const begun = self.release();
    begun->owner_.members().add(*begun);
    begun->deadline_.arm(begun->timeout_);
    begun->guarded([begun] { begun->begin(); });
    begun->calling_ = false;
    return &begun->operation_;
}

void connecting::timed_out() {
    expired();
    const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
    fail(make_error(status::timeout,
                    "cannot connect to " + name_ + ": " + std::string(stage()) + " within " +
                        std::to_string(milliseconds) + " ms",
                    true));
}

void connecting::cut() {
    calling_ = true;
    fail(make_error(status::stopping, "the connection to " + name_ + " was given up: the transport stops"));
}

void connecting::finish(plexus_stream* made) {
    finished_ = true;
    made_ = made;
    settle();
}

void connecting::fail(error reason) {
    if (finished_) return;
    finished_ = true;
    failure_ = std::move(reason);
    settle();
}

void connecting::settle() {
    unlist();
    deadline_.disarm();
    release();
    if (!calling_) return deliver();
    owner_.loop.post(static_cast<std::uint32_t>(owner_.loop.current_shard()), [this] { deliver(); });
}

void connecting::deliver() {
    const auto done = done_;
    void* const context = context_;
    plexus_stream* const made = made_;
    const std::optional<error> failure = std::move(failure_);
    account& owner = owner_;
    const hold until_called(owner);
    delete this;
    if (!failure) return done(context, PLEXUS_OK, nullptr, made);
    const plexus_error lent = lend(*failure);
    done(context, status_of(*failure), &lent, nullptr);
}

} // namespace plexus::net
