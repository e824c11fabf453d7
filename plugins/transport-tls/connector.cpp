#include "connector.hpp"

#include "public_address.hpp"
#include "tcp_stream.hpp"

namespace plexus::transport_tls {

namespace {

constexpr auto stagger_delay = std::chrono::milliseconds(250); // before the next address is tried, too
constexpr std::size_t addresses_most = 12;
constexpr std::size_t key_hash_size = 32;

/// IPv6 and IPv4 in turn, each in the resolver's order, beginning with the resolver's first.
std::vector<plexus_address> in_turn(const plexus_address* found, std::uint32_t count) {
    std::array<std::vector<plexus_address>, 2> families;
    for (std::uint32_t i = 0; i < count; ++i)
        families[found[i].family == found[0].family ? 0 : 1].push_back(found[i]);
    std::vector<plexus_address> out;
    for (std::size_t i = 0; i < std::max(families[0].size(), families[1].size()); ++i)
        for (const auto& family : families)
            if (i < family.size() && out.size() < addresses_most) out.push_back(family[i]);
    return out;
}

result<void> check(const plexus_connect_options& options) {
    if (options.host.size == 0) return make_error(status::invalid, "no host to connect to");
    if (options.port == 0 || options.port > 65535)
        return make_error(status::invalid, std::to_string(options.port) + " is no TCP port: 1 to 65535 are");
    if ((options.flags & PLEXUS_CONNECT_SECURE) != 0 && options.key_hash.size != key_hash_size)
        return make_error(status::invalid,
                          "a secure connection needs the 32 bytes of the server's fingerprint, and " +
                              std::to_string(options.key_hash.size) + " were given");
    return {};
}

} // namespace

// ---- one address

connector::attempt::attempt(connector& owner, const plexus_address& address, descriptor socket)
    : owner_(owner), address_(address),
      socket_(std::make_unique<socket_carrier>(owner.owner_.loop, std::move(socket))) {
    socket_->set_sink(this);
    socket_->want(PLEXUS_WRITABLE);
}

void connector::attempt::ready(std::uint32_t) {
    const int number = outcome_of_connect(socket_->get());
    connector& owner = owner_; // this ends in either case
    owner.guarded([&] {
        if (number == 0)
            owner.attempt_won(*this);
        else
            owner.attempt_failed(*this, number);
    });
}

// ---- begin

result<plexus_operation*> connector::start(runtime& owner, const client_context& tls,
                                           const plexus_connect_options& options, connected_function done,
                                           void* context) {
    PLEXUS_CHECK(check(options));
    if (owner.stopping()) return make_error(status::stopping, "the transport stops");
    auto* self = new connector(owner, tls, options, done, context);
    std::unique_ptr<connector> guarded(self);
    const std::int32_t code = self->begin();
    if (code != PLEXUS_OK) return from_abi(code, nullptr);
    self->calling_ = false;
    return &guarded.release()->operation_;
}

connector::connector(runtime& owner, const client_context& tls, const plexus_connect_options& options,
                     connected_function done, void* context)
    : owner_(owner), tls_context_(tls), hold_(owner), done_(done), context_(context),
      secure_((options.flags & PLEXUS_CONNECT_SECURE) != 0),
      public_only_((options.flags & PLEXUS_CONNECT_PUBLIC) != 0), host_(text_of(options.host)),
      port_(options.port), name_(shown(host_, port_)), isolation_(text_of(options.isolation)),
      server_name_(text_of(options.server_name)), client_chain_(to_bytes(from_abi(options.client_chain))),
      client_key_(from_abi(options.client_key)),
      timeout_(options.timeout_ns == 0 ? owner.config.connect_timeout
                                       : nanoseconds(static_cast<std::int64_t>(options.timeout_ns))),
      expected_{to_bytes(from_abi(options.key_hash)), name_, owner.clock, std::nullopt},
      deadline_(owner.loop, [this] { timed_out(); }),
      stagger_(owner.loop, [this] { guarded([this] { next_attempt(); }); }) {
    for (std::uint32_t i = 0; i < options.alpn_count; ++i)
        alpn_.push_back(to_bytes(from_abi(options.alpn[i])));
    operation_.owner = this;
    operation_.cancel = [](plexus_operation* raw) {
        auto* self = static_cast<cancel_handle*>(raw)->owner;
        self->calling_ = true;
        self->fail(make_error(status::cancelled, "the connection to " + self->name_ + " was cancelled"));
    };
}

std::int32_t connector::begin() {
    std::int32_t code = PLEXUS_OK;
    waits_ = true;
    if (owner_.lower != nullptr) {
        code = begin_below();
    } else if (owner_.resolver == nullptr) {
        code = PLEXUS_E_DENIED;
    } else {
        const auto done = [](void* context, std::int32_t status, const plexus_error* failure,
                             const plexus_address* found, std::uint32_t count) {
            auto* self = static_cast<connector*>(context);
            self->guarded([&] { self->resolved(status, failure, found, count); });
        };
        code = owner_.resolver->resolve(owner_.resolver->service.self, to_abi(std::string_view(host_)), port_,
                                        done, this, &waiting_for_);
    }
    if (code != PLEXUS_OK) return code;
    owner_.members().add(*this);
    deadline_.arm(timeout_);
    return PLEXUS_OK;
}

std::int32_t connector::begin_below() {
    if (public_only_ && is_private_number(host_)) return PLEXUS_E_DENIED;
    plexus_connect_options options{};
    options.size = sizeof options;
    options.flags = public_only_ ? static_cast<std::uint32_t>(PLEXUS_CONNECT_PUBLIC) : 0U;
    options.host = to_abi(std::string_view(host_));
    options.port = port_;
    options.timeout_ns = static_cast<std::uint64_t>(timeout_.count());
    options.isolation = to_abi(std::string_view(isolation_));
    const auto done = [](void* context, std::int32_t status, const plexus_error* failure,
                         plexus_stream* made) {
        auto* self = static_cast<connector*>(context);
        self->guarded([&] { self->below_connected(status, failure, made); });
    };
    return owner_.lower->connect(owner_.lower->service.self, &options, done, this, &waiting_for_);
}

// ---- addresses

void connector::resolved(std::int32_t code, const plexus_error* failure, const plexus_address* found,
                         std::uint32_t count) {
    waits_ = false;
    waiting_for_ = nullptr;
    if (finished_) return settle();
    if (code != PLEXUS_OK) {
        const error reason = from_abi(code, failure);
        return fail(error("plexus", code, "cannot connect to " + name_ + ": " + reason.message(), true));
    }
    addresses_ = in_turn(found, count);
    if (public_only_) {
        std::erase_if(addresses_, [](const plexus_address& each) { return !is_public(each); });
        if (addresses_.empty() && count != 0)
            return fail(make_error(status::denied, "cannot connect to " + name_ +
                                                       ": its address is not one of the public internet"));
    }
    next_attempt();
}

void connector::next_attempt() {
    while (next_address_ < addresses_.size()) {
        const auto& address = addresses_[next_address_++];
        auto socket = begin_connect(address, owner_.config.keepalive);
        if (!socket) {
            failures_.push_back(std::move(socket).error());
            continue;
        }
        attempts_.push_back(std::make_unique<attempt>(*this, address, std::move(*socket)));
        if (next_address_ < addresses_.size()) stagger_.arm(stagger_delay);
        return;
    }
    if (attempts_.empty()) fail_all();
}

void connector::attempt_failed(attempt& one, int number) {
    failures_.push_back(connect_error(one.address(), number));
    std::erase_if(attempts_, [&one](const auto& each) { return each.get() == &one; });
    next_attempt();
}

void connector::attempt_won(attempt& one) {
    auto socket = one.take();
    attempts_.clear();
    stagger_.disarm();
    connected(std::move(socket));
}

void connector::fail_all() {
    if (failures_.empty())
        return fail(
            make_error(status::unreachable, "cannot connect to " + name_ + ": it has no address", true));
    std::string reasons;
    for (const auto& one : failures_) reasons += (reasons.empty() ? "" : "; ") + one.message();
    fail(error("plexus", failures_.back().code(), "cannot connect to " + name_ + ": " + reasons, true));
}

// ---- the transport below

void connector::below_connected(std::int32_t code, const plexus_error* failure, plexus_stream* made) {
    waits_ = false;
    waiting_for_ = nullptr;
    stream below(code == PLEXUS_OK ? made : nullptr);
    if (finished_) return settle();
    if (code != PLEXUS_OK) return fail(from_abi(code, failure));
    if (!secure_) return finish(below.release());
    std::int32_t socket = -1;
    if (below.raw()->api->release_descriptor(below.raw(), &socket) == PLEXUS_OK)
        connected(std::make_unique<socket_carrier>(owner_.loop, descriptor(socket)));
    else
        connected(std::make_unique<stream_carrier>(std::move(below)));
}

// ---- TLS

void connector::connected(std::unique_ptr<carrier> below) {
    if (!secure_) {
        auto raw = std::make_unique<tcp_stream>(owner_, std::move(below), name_, slot());
        raw->open();
        return finish(raw.release());
    }
    auto ssl = tls_context_.make_ssl(alpn_, server_name_, client_chain_, client_key_, expected_);
    if (!ssl) return fail(std::move(ssl).error());
    below->set_sink(this);
    handshaking_ = std::make_unique<tls_stream>(owner_, std::move(below), name_, slot(), std::move(*ssl));
    step();
}

void connector::ready(std::uint32_t) { step(); }

void connector::step() {
    auto through = handshaking_->step();
    if (!through) return fail(expected_.refused ? *expected_.refused : std::move(through).error());
    if (!*through) return;
    handshaking_->handshake_over();
    handshaking_->open();
    finish(handshaking_.release());
}

// ---- ends

void connector::timed_out() {
    const std::string stage = handshaking_ ? "the TLS handshake did not end"
                              : addresses_.empty() && owner_.lower == nullptr ? "its name was not resolved"
                                                                              : "nothing answered";
    const auto seconds = std::chrono::duration_cast<std::chrono::milliseconds>(timeout_).count();
    fail(make_error(
        status::timeout,
        "cannot connect to " + name_ + ": " + stage + " within " + std::to_string(seconds) + " ms", true));
}

void connector::cut() {
    calling_ = true;
    fail(make_error(status::stopping, "the connection to " + name_ + " was given up: the transport stops"));
}

void connector::finish(plexus_stream* made) {
    finished_ = true;
    made_ = made;
    owner_.count.connected.add(1);
    settle();
}

void connector::fail(error reason) {
    if (finished_) return;
    finished_ = true;
    failure_ = std::move(reason);
    settle();
}

void connector::settle() {
    deadline_.disarm();
    stagger_.disarm();
    attempts_.clear();
    handshaking_.reset();
    if (waits_) { // for the completion of what was begun; it comes back here
        calling_ = false;
        plexus_operation* const begun = std::exchange(waiting_for_, nullptr);
        if (begun != nullptr) begun->cancel(begun);
        return;
    }
    if (!calling_) return deliver();
    owner_.loop.post(static_cast<std::uint32_t>(owner_.loop.current_shard()), [this] { deliver(); });
}

void connector::deliver() {
    const auto done = done_;
    void* const context = context_;
    plexus_stream* const made = made_;
    const std::optional<error> failure = std::move(failure_);
    runtime& owner = owner_;
    const hold until_called(owner);
    delete this;
    if (!failure) return done(context, PLEXUS_OK, nullptr, made);
    const plexus_error lent = lend(*failure);
    done(context, status_of(*failure), &lent, nullptr);
}

} // namespace plexus::transport_tls
