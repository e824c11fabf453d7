#include "server_link.hpp"

namespace plexus::agent_plugin {

namespace {

/// Blocks read before other work of the shard has its turn.
constexpr int blocks_at_once = 16;
/// The token of PING; the engine's begin at 1.
constexpr std::uint64_t ping_token = 0;

constexpr std::uint16_t https_port = 443;

/// The host to dial: one that is reached without Tor, where there is one.
const std::string& host_of(const smp::server_address& server) {
    for (const auto& host : server.hosts)
        if (host.kind != encoding::host_kind::onion) return host.name;
    return server.hosts.front().name;
}

} // namespace

/// What a connection's completion finds: the link, unless that is gone.
struct server_link::attempt {
    server_link* link = nullptr;
    link_owner* owner = nullptr;
    plexus_operation* operation = nullptr;
};

server_link::server_link(link_owner& owner, agent::session_id id, const smp::server_address& server,
                         bytes isolation, const link_settings& settings, host_random& random)
    : owner_(owner), id_(id), server_(server), isolation_(std::move(isolation)), settings_(settings),
      random_(random) {}

server_link::~server_link() {
    if (attempt_ == nullptr) return;
    attempt_->link = nullptr;
    if (attempt_->operation != nullptr) attempt_->operation->cancel(attempt_->operation);
}

void server_link::start(const plexus_transport* transport) {
    // Servers on the port of HTTPS tell SMP by the absence of a server name.
    const std::string_view alpn = server_.port_number() == https_port ? "http/1.1" : "smp/1";
    const plexus_view protocol = to_abi(alpn);
    plexus_connect_options options{};
    options.size = sizeof options;
    options.flags = PLEXUS_CONNECT_SECURE;
    options.host = to_abi(std::string_view(host_of(server_)));
    options.port = server_.port_number();
    options.alpn_count = 1;
    options.alpn = &protocol;
    options.key_hash = to_abi(bytes_view(server_.fingerprint));
    options.timeout_ns = static_cast<std::uint64_t>(settings_.connect_timeout.count());
    options.isolation = to_abi(bytes_view(isolation_));

    attempt_ = new attempt{this, &owner_, nullptr};
    owner_.link_pending(1);
    const auto done = [](void* context, std::int32_t code, const plexus_error* failure, plexus_stream* raw) {
        const std::unique_ptr<attempt> mine(static_cast<attempt*>(context));
        auto* owner = mine->owner;
        if (mine->link != nullptr) {
            mine->link->attempt_ = nullptr;
            mine->link->connected(code, failure, raw);
        } else if (code == PLEXUS_OK) {
            stream unwanted(raw);
        }
        owner->link_pending(-1);
    };
    auto* started = attempt_;
    const auto code =
        transport->connect(transport->service.self, &options, done, started, &started->operation);
    if (code == PLEXUS_OK) return;
    delete started;
    attempt_ = nullptr;
    owner_.link_pending(-1);
    fail(from_abi(code, nullptr));
}

void server_link::connected(std::int32_t code, const plexus_error* failure, plexus_stream* raw) {
    if (code != PLEXUS_OK) return fail(from_abi(code, failure));
    stream_ = stream(raw);
    static const plexus_stream_handler handler = {
        [](void* context) { static_cast<server_link*>(context)->read(); },
        [](void* context) { static_cast<server_link*>(context)->flush(); },
    };
    stream_.set_handler(&handler, this);
    smp::client_parameters parameters;
    parameters.server = server_.fingerprint;
    parameters.session_id = to_bytes(stream_.info(PLEXUS_STREAM_CHANNEL_BINDING).value_or(bytes_view()));
    parameters.peer_chain = stream_.peer_chain();
    // Without the protocol agreed on a server expects its oldest clients.
    const auto agreed = stream_.info(PLEXUS_STREAM_ALPN);
    if (!agreed || agreed->empty()) parameters.versions = smp::legacy_versions;
    session_.emplace(std::move(parameters), random_);
    last_heard_ = owner_.now();
    hello_due_ = last_heard_ + settings_.response_timeout;
    read();
}

void server_link::fail(error cause) {
    if (failed_) return;
    failed_ = true;
    owner_.link_failed(id_, cause);
}

void server_link::read() {
    for (int blocks = 0; !failed_;) {
        auto taken = stream_.try_read(bytes_span(in_).subspan(in_size_));
        if (!taken) {
            if (taken.error().is(status::would_block)) break;
            return fail(std::move(taken).error());
        }
        in_size_ += *taken;
        if (in_size_ < in_.size()) continue;
        in_size_ = 0;
        if (!take_block()) return;
        if (++blocks == blocks_at_once) {
            owner_.link_busy(id_);
            break;
        }
    }
    owner_.link_idle();
}

bool server_link::take_block() {
    last_heard_ = owner_.now();
    pinged_.reset();
    const auto received = session_->receive(in_);
    if (!received) {
        fail(received.error());
        return false;
    }
    if (!ready_) {
        ready_ = true;
        owner_.link_ready(id_, session_->agreed_version());
        return true;
    }
    while (const auto event = session_->next()) {
        if (event->matched) unanswered_.erase(event->token);
        if (event->matched && event->token == ping_token) continue;
        owner_.link_event(id_, *event);
        if (failed_) return false;
    }
    return true;
}

result<void> server_link::send(const agent::action::command& command) {
    if (!ready_ || failed_) return make_error(agent::failure::network, "the session has ended", true);
    const auto* key = command.key ? &*command.key : nullptr;
    if (command.correlation_id) {
        PLEXUS_CHECK(
            session_->send(*command.correlation_id, command.value, command.entity_id, key, command.token));
    } else {
        PLEXUS_CHECK(session_->send(command.value, command.entity_id, key, command.token));
    }
    unanswered_.emplace(command.token, owner_.now());
    return {};
}

void server_link::flush() {
    while (!failed_ && session_) {
        if (out_left_ == 0) {
            if (!session_->has_output() || !session_->next_block(out_)) return;
            out_left_ = out_.size();
        }
        const auto given = stream_.try_write(bytes_view(out_).last(out_left_));
        if (!given) {
            if (!given.error().is(status::would_block)) fail(given.error());
            return;
        }
        out_left_ -= *given;
    }
}

std::optional<std::chrono::nanoseconds> server_link::deadline() const {
    if (failed_ || !session_) return std::nullopt;
    if (!ready_) return hello_due_;
    auto due = pinged_ ? *pinged_ + settings_.response_timeout : last_heard_ + settings_.ping_interval;
    if (!unanswered_.empty()) due = std::min(due, unanswered_.begin()->second + settings_.response_timeout);
    return due;
}

void server_link::check_time() {
    const auto due = deadline();
    const auto now = owner_.now();
    if (!due || now < *due) return;
    // A server that is still answering others of our commands is slow, not gone.
    const bool overdue =
        !unanswered_.empty() &&
        std::max(unanswered_.begin()->second, last_heard_) + settings_.response_timeout <= now;
    if (!ready_ || pinged_ || overdue)
        return fail(make_error(status::timeout, "the server does not answer", true));
    if (!unanswered_.empty() && now >= unanswered_.begin()->second + settings_.response_timeout) {
        // Looked at again when it could be overdue.
        unanswered_.begin()->second = last_heard_;
        return;
    }
    if (session_->send(smp::cmd::ping{}, {}, nullptr, ping_token)) pinged_ = now;
    flush();
}

} // namespace plexus::agent_plugin
