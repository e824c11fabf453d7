#include "listener.hpp"

namespace plexus::transport_sim {

class listener::handshake final : public work {
  public:
    handshake(std::shared_ptr<listener> to, plexus_stream* raw)
        : work(to->owner_), to_(std::move(to)), raw_(raw) {}

  private:
    task<void> run() override {
        server_hello hello;
        hello.nonce = owner_.nonce();
        hello.alpn = to_->alpn_;
        hello.chain = to_->chain_;
        hello.asks_certificate = to_->asks_certificate_;
        auto agreed = co_await shake_as_server(raw_, hello);
        if (!agreed) co_return;
        raw_.set_handler(nullptr, nullptr);
        made_ = std::make_unique<sim_stream>(raw_.release(), std::move(*agreed));
    }
    void finished() override {
        if (made_ && !to_->closed_) to_->accepted_(to_->context_, made_.release());
    }

    std::shared_ptr<listener> to_;
    stream raw_;
    std::unique_ptr<sim_stream> made_;
};

result<std::shared_ptr<listener>> listener::open(runtime& owner, const plexus_listen_options& options,
                                                 plexus_accept_function accepted, void* context) {
    if (owner.stopping) return make_error(status::stopping, "the transport stops");
    std::shared_ptr<listener> self(new listener(owner));
    self->secure_ = (options.flags & PLEXUS_LISTEN_SECURE) != 0;
    self->asks_certificate_ = (options.flags & PLEXUS_LISTEN_ASK_CERTIFICATE) != 0;
    self->accepted_ = accepted;
    self->context_ = context;
    self->timeout_ = options.handshake_timeout_ns == 0
                         ? owner.handshake_timeout
                         : std::chrono::nanoseconds(static_cast<std::int64_t>(options.handshake_timeout_ns));
    for (std::uint32_t i = 0; i < options.alpn_count; ++i) self->alpn_.emplace_back(text_of(options.alpn[i]));
    if (self->secure_) PLEXUS_CHECK(self->set_credentials(text_of(options.chain)));
    plexus_listen_options raw = options;
    raw.flags = 0;
    raw.counted_with = nullptr; // nothing is counted here
    const auto* below = owner.sim->listener;
    const auto arrived = [](void* to, plexus_stream* one) { static_cast<listener*>(to)->arrived(one); };
    plexus_error* failure = nullptr;
    const std::int32_t code =
        below->listen(below->service.self, &raw, arrived, self.get(), &self->raw_, &failure);
    if (code != PLEXUS_OK) return take_error(code, failure);
    self->port_ = below->port(below->service.self, self->raw_);
    return self;
}

result<void> listener::set_credentials(std::string_view chain) {
    PLEXUS_TRY(auto read, read_chain(chain, 2));
    chain_ = std::make_shared<const certificates>(std::move(read));
    return {};
}

void listener::arrived(plexus_stream* raw) {
    if (!secure_) return accepted_(context_, raw);
    (new handshake(shared_from_this(), raw))->begin(timeout_);
}

std::int32_t listener::close(plexus_completion done) {
    closed_ = true;
    const auto* below = owner_.sim->listener;
    return below->close(below->service.self, raw_, done);
}

} // namespace plexus::transport_sim
