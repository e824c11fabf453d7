#include "listener.hpp"

#include "acceptor.hpp"
#include "plexus/net/raw_stream.hpp"

namespace plexus::transport_tls {

namespace {

/// A client without TLS, which holds its place.
class accepted_stream final : public net::raw_stream {
  public:
    accepted_stream(net::account& owner, std::unique_ptr<net::carrier> below, std::string peer, slot place)
        : raw_stream(owner, std::move(below), std::move(peer)), place_(std::move(place)) {}

  private:
    slot place_;
};

} // namespace

/// The TLS handshake of one client: OpenSSL, and its 35 KB, come with the client's first byte. Destroys
/// itself at its end. [shard]
class listener::handshake final : public member, net::carrier::sink {
  public:
    handshake(std::shared_ptr<listener> owner, net::descriptor socket, slot place)
        : owner_(std::move(owner)), hold_(owner_->owner_), peer_(net::peer_of(socket.get())),
          place_(std::move(place)),
          below_(std::make_unique<net::socket_carrier>(owner_->owner_.loop, std::move(socket))),
          deadline_(owner_->owner_.loop, [this] { failed("was not over in time"); }) {
        below_->set_sink(this);
    }
    ~handshake() override { --owner_->own_part().count; }

    void begin() {
        deadline_.arm(owner_->handshake_timeout_);
        below_->want(PLEXUS_READABLE);
    }
    void cut() override { failed("was given up"); }

  private:
    void ready(std::uint32_t) override {
        const std::int32_t code = guard(nullptr, [this]() -> result<void> {
            if (!stream_) {
                PLEXUS_TRY(auto ssl, owner_->make_ssl());
                stream_ = std::make_unique<tls_stream>(owner_->owner_, std::move(below_), peer_,
                                                       std::move(place_), std::move(ssl));
            }
            return {};
        });
        if (code != PLEXUS_OK) return failed("cannot begin: " + std::string(describe(code)));
        step();
    }
    void step() {
        auto through = stream_->step();
        if (!through) return end(through.error().message());
        if (!*through) return;
        const auto owner = owner_;
        auto ready = std::move(stream_);
        delete this;
        ready->open();
        owner->accepted_(owner->context_, ready.release());
    }
    void failed(const std::string& how) { end("the TLS handshake with " + peer_ + " " + how); }
    void end(std::string_view why) {
        owner_->owner_.count.handshake_failures.add();
        owner_->owner_.log.debug(why);
        delete this;
    }

    std::shared_ptr<listener> owner_;
    hold hold_;
    std::string peer_;
    slot place_;
    std::unique_ptr<net::socket_carrier> below_; ///< until the stream has it
    timer deadline_;
    std::unique_ptr<tls_stream> stream_;
};

listener::listener(runtime& owner, const plexus_listen_options& options, std::shared_ptr<places> counted,
                   plexus_accept_function accepted, void* context)
    : owner_(owner), secure_((options.flags & PLEXUS_LISTEN_SECURE) != 0),
      asks_certificate_((options.flags & PLEXUS_LISTEN_ASK_CERTIFICATE) != 0), accepted_(accepted),
      context_(context),
      handshake_timeout_(options.handshake_timeout_ns == 0
                             ? owner.config.handshake_timeout
                             : nanoseconds(static_cast<std::int64_t>(options.handshake_timeout_ns))),
      places_(std::move(counted)), parts_(owner.loop.shard_count()) {
    const std::uint32_t most = options.pending_most == 0 ? owner.config.pending_most : options.pending_most;
    pending_most_ = std::max<std::size_t>(1, most / parts_.size());
    for (std::uint32_t i = 0; i < options.alpn_count; ++i)
        alpn_.push_back(to_bytes(from_abi(options.alpn[i])));
    const std::int32_t here = owner.loop.current_shard();
    accept_shard_ = here < 0 ? 0 : static_cast<std::uint32_t>(here);
}

result<std::shared_ptr<listener>> listener::open(runtime& owner, const plexus_listen_options& options,
                                                 const listener* counted_with,
                                                 plexus_accept_function accepted, void* context) {
    if (owner.stopping()) return make_error(status::stopping, "the transport stops");
    auto counted =
        counted_with != nullptr
            ? counted_with->places_
            : std::make_shared<places>(options.connections_most, PLEXUS_HAS(&options, connections_most_of_one)
                                                                     ? options.connections_most_of_one
                                                                     : 0);
    std::shared_ptr<listener> self(new listener(owner, options, std::move(counted), accepted, context));
    if (self->secure_) PLEXUS_CHECK(self->set_credentials(from_abi(options.chain), from_abi(options.key)));
    if (self->secure_ && PLEXUS_HAS(&options, named_key) && options.named_chain.size != 0)
        PLEXUS_CHECK(self->set_named_credentials(from_abi(options.named_chain), from_abi(options.named_key)));
    self->port_ = options.port;
    PLEXUS_TRY(net::descriptor socket, net::listen_on(text_of(options.address), self->port_));

    bool posted = true;
    for (std::uint32_t shard = 0; shard < self->parts_.size(); ++shard)
        posted = posted && owner.loop.post(shard, [self, shard] {
            part& mine = self->parts_[shard];
            if (!mine.closed) self->owner_.members().add(mine.pending);
        });
    auto begin = [self, socket = std::move(socket), kept = hold(owner)]() mutable {
        const std::int32_t code = guard(nullptr, [&]() -> result<void> {
            self->acceptor_ = std::make_unique<acceptor>(*self, std::move(socket));
            return {};
        });
        if (code != PLEXUS_OK)
            self->owner_.log.error("nobody is accepted",
                                   {{"port", std::to_string(self->port_)}, {"reason", describe(code)}});
    };
    posted = posted && owner.loop.post(self->accept_shard_, std::move(begin));
    if (!posted) return make_error(status::stopping, "a shard does not run");
    return self;
}

result<void> listener::set_credentials(bytes_view chain_pem, bytes_view key_pem) {
    if (!secure_)
        return make_error(status::invalid, "this listener does not use TLS, so it has no certificate");
    PLEXUS_TRY(auto made, server_context::make(owner_.config, owner_.clock, chain_pem, key_pem, alpn_,
                                               asks_certificate_));
    const std::scoped_lock lock(mutex_);
    credentials_.own = std::move(made);
    return {};
}

result<void> listener::set_named_credentials(bytes_view chain_pem, bytes_view key_pem) {
    if (!secure_)
        return make_error(status::invalid, "this listener does not use TLS, so it has no certificate");
    std::shared_ptr<const named_context> made;
    if (!chain_pem.empty()) {
        PLEXUS_TRY(made, named_context::make(chain_pem, key_pem));
    }
    const std::scoped_lock lock(mutex_);
    credentials_.named = std::move(made);
    return {};
}

result<ssl_pointer> listener::make_ssl() {
    const auto now = [this] {
        const std::scoped_lock lock(mutex_);
        return credentials_;
    }();
    return now.own->make_ssl(now.named);
}

void listener::deal(net::descriptor socket, slot place) {
    owner_.count.accepted.add();
    const std::uint32_t shard = next_shard_;
    next_shard_ = (next_shard_ + 1) % static_cast<std::uint32_t>(parts_.size());
    owner_.loop.post(shard,
                     [self = shared_from_this(), socket = std::move(socket), place = std::move(place),
                      kept = hold(owner_)]() mutable { self->arrived(std::move(socket), std::move(place)); });
}

void listener::arrived(net::descriptor socket, slot place) {
    part& mine = own_part();
    if (mine.closed) return;
    try {
        net::set_stream_options(socket.get(), owner_.config.keepalive);
        if (secure_) {
            auto* begun = new handshake(shared_from_this(), std::move(socket), std::move(place));
            ++mine.count;
            mine.pending.add(*begun);
            if (mine.count > pending_most_) mine.pending.first()->cut(); // who waits longest is likely idle
            begun->begin();
            return;
        }
        std::string peer = net::peer_of(socket.get());
        auto raw = std::make_unique<accepted_stream>(
            owner_, std::make_unique<net::socket_carrier>(owner_.loop, std::move(socket)), std::move(peer),
            std::move(place));
        raw->open();
        accepted_(context_, raw.release());
    } catch (const std::exception& e) {
        owner_.log.warning("a client was turned away", {{"reason", e.what()}});
    }
}

void listener::close_part(std::uint32_t shard) {
    part& mine = parts_[shard];
    mine.closed = true;
    mine.pending.unlist();
    mine.pending.cut();
}

result<void> listener::close(plexus_completion done) {
    const std::int32_t here = owner_.loop.current_shard();
    const std::uint32_t answer = here < 0 ? 0 : static_cast<std::uint32_t>(here);
    auto closing = [self = shared_from_this(), done, answer, kept = hold(owner_)] {
        self->acceptor_.reset();
        const auto left = std::make_shared<std::atomic<std::size_t>>(self->parts_.size());
        for (std::uint32_t shard = 0; shard < self->parts_.size(); ++shard) {
            self->owner_.loop.post(shard, [self, shard, left, done, answer, inner = hold(self->owner_)] {
                self->close_part(shard);
                if (left->fetch_sub(1) == 1)
                    self->owner_.loop.post(answer, [done, last = hold(self->owner_)] {
                        done.done(done.context, PLEXUS_OK, nullptr);
                    });
            });
        }
    };
    if (!owner_.loop.post(accept_shard_, std::move(closing)))
        return make_error(status::stopping, "shard " + std::to_string(accept_shard_) + " does not run");
    return {};
}

} // namespace plexus::transport_tls
