#include "relay_link.hpp"

#include "plexus/smp/proxy.hpp"

namespace plexus::smp_server {
namespace {

using smp::broker_error;
using smp::transport_error;
namespace cmd = smp::cmd;
namespace msg = smp::msg;

constexpr std::string_view protocol_name = "smp/1";
/// Blocks of a destination that answer none of our commands: it has no reason to send any.
constexpr std::size_t most_unasked = 16;

/// The host to dial: one that is reached without Tor, where there is one.
const std::string& host_of(const smp::server_address& server) {
    for (const auto& host : server.hosts)
        if (host.kind != encoding::host_kind::onion) return host.name;
    return server.hosts.front().name;
}

smp::server_error handshake_failure(smp::handshake_error code) {
    auto out = transport_failure(transport_error::handshake);
    out.handshake = code;
    return out;
}

/// Why there is no connection: as the official server says it, and HOST for one that we do not dial.
smp::server_error dial_failure(const error& cause) {
    const bool refused = cause.is(status::denied) || cause.is(status::invalid);
    return broker_failure(refused ? broker_error::host : broker_error::network);
}

smp::server_error hello_failure(const error& cause) {
    if (cause.is(smp::failure::block)) return transport_failure(transport_error::block);
    if (cause.is(smp::failure::session)) return transport_failure(transport_error::session);
    if (cause.is(smp::failure::version)) return transport_failure(transport_error::version);
    if (cause.is(smp::failure::bad_auth)) return handshake_failure(smp::handshake_error::bad_auth);
    return handshake_failure(smp::handshake_error::parse);
}

smp::server_error worded(broker_error code, std::string text) {
    auto out = broker_failure(code);
    out.text = std::move(text);
    return out;
}

} // namespace

smp::server_error broker_failure(broker_error code) {
    auto out = smp::make_server_error(smp::error_code::proxy);
    out.proxy = smp::proxy_error::broker;
    out.broker = code;
    return out;
}

smp::server_error transport_failure(transport_error code) {
    auto out = broker_failure(broker_error::transport);
    out.transport = code;
    return out;
}

/// What a connection's completion finds: the link, unless that is gone.
struct relay_link::attempt {
    relay_link* link = nullptr;
    relay_owner* owner = nullptr;
    plexus_operation* operation = nullptr;
};

relay_link::relay_link(relay_owner& owner, const smp::server_address& server, const relay_times& times,
                       crypto::random_source& random)
    : owner_(owner), server_(server), times_(times), random_(random), begun_(owner.relay_now()),
      last_used_(begun_), last_heard_(begun_) {}

relay_link::~relay_link() {
    if (attempt_ == nullptr) return;
    attempt_->link = nullptr;
    if (attempt_->operation != nullptr) attempt_->operation->cancel(attempt_->operation);
}

void relay_link::start(const plexus_transport* transport, bool public_only) {
    const plexus_view protocol = to_abi(protocol_name);
    plexus_connect_options options{};
    options.size = sizeof options;
    options.flags = PLEXUS_CONNECT_SECURE;
    if (public_only) options.flags |= PLEXUS_CONNECT_PUBLIC;
    options.host = to_abi(std::string_view(host_of(server_)));
    options.port = server_.port_number();
    options.alpn_count = 1;
    options.alpn = &protocol;
    options.key_hash = to_abi(bytes_view(server_.fingerprint));
    options.timeout_ns = static_cast<std::uint64_t>(times_.connect.count());

    attempt_ = new attempt{this, &owner_, nullptr};
    owner_.relay_dialing(1);
    const auto done = [](void* context, std::int32_t code, const plexus_error* failure, plexus_stream* raw) {
        const std::unique_ptr<attempt> mine(static_cast<attempt*>(context));
        auto* owner = mine->owner;
        if (mine->link != nullptr) {
            mine->link->attempt_ = nullptr;
            mine->link->connected(code, failure, raw);
        } else if (code == PLEXUS_OK) {
            stream unwanted(raw);
        }
        owner->relay_dialing(-1);
    };
    auto* started = attempt_;
    const auto code =
        transport->connect(transport->service.self, &options, done, started, &started->operation);
    if (code == PLEXUS_OK) return;
    delete started;
    attempt_ = nullptr;
    owner_.relay_dialing(-1);
    end(dial_failure(from_abi(code, nullptr)), describe(code));
}

void relay_link::connected(std::int32_t code, const plexus_error* failure, plexus_stream* raw) {
    if (code != PLEXUS_OK) {
        const auto cause = from_abi(code, failure);
        return end(dial_failure(cause), cause.message());
    }
    stream_ = stream(raw);
    static const plexus_stream_handler handler = {
        [](void* context) { static_cast<relay_link*>(context)->read(); },
        [](void* context) { static_cast<relay_link*>(context)->flush(); },
    };
    stream_.set_handler(&handler, this);
    smp::client_parameters parameters;
    parameters.server = server_.fingerprint;
    parameters.session_id = to_bytes(stream_.info(PLEXUS_STREAM_CHANNEL_BINDING).value_or(bytes_view()));
    parameters.peer_chain = stream_.peer_chain();
    parameters.proxy = true;
    session_.emplace(std::move(parameters), random_);
    read();
}

void relay_link::end(const smp::server_error& why, std::string_view cause) {
    if (ended_) return;
    ended_ = true;
    // What was sent may have been done: as with the official proxy, its sender hears of no answer in time.
    for (const auto& [token, each] : std::exchange(waiting_, {}))
        owner_.relay_answered(each.from, msg::err{broker_failure(broker_error::timeout)});
    owner_.relay_ended(*this, why, cause);
}

void relay_link::touch() { last_used_ = owner_.relay_now(); }

void relay_link::read() {
    if (!in_) in_ = std::make_unique<smp::block_buffer>();
    while (!ended_) {
        auto taken = stream_.try_read(bytes_span(*in_).subspan(in_size_));
        if (!taken) {
            if (!taken.error().is(status::would_block))
                return end(broker_failure(broker_error::network), taken.error().message());
            break;
        }
        in_size_ += *taken;
        if (in_size_ < in_->size()) continue;
        in_size_ = 0;
        if (!take_block()) return;
    }
    if (in_size_ == 0) in_.reset();
    flush();
}

bool relay_link::take_block() {
    last_heard_ = owner_.relay_now();
    const auto received = session_->receive(*in_);
    if (!received) {
        end(ready_ ? broker_failure(broker_error::network) : hello_failure(received.error()),
            received.error().message());
        return false;
    }
    if (ready_) {
        bool wanted = false;
        while (const auto event = session_->next()) wanted = answered(*event) || wanted;
        if (!wanted && ++unasked_ > most_unasked)
            end(broker_failure(broker_error::network), "it sends what nobody asked for");
        return !ended_;
    }
    if (session_->agreed_version() < smp::since::proxy) {
        end(transport_failure(transport_error::version), "it is too old for commands of a proxy");
        return false;
    }
    const auto box = session_->proxy_box();
    if (!box) {
        end(transport_failure(transport_error::no_auth), box.error().message());
        return false;
    }
    box_ = *box;
    ready_ = true;
    touch();
    owner_.relay_ready(*this);
    return !ended_;
}

bool relay_link::answered(const smp::client_event& event) {
    const auto found = event.matched ? waiting_.find(event.token) : waiting_.end();
    if (found == waiting_.end()) return false;
    const auto command = std::move(found->second);
    waiting_.erase(found);
    bytes storage;
    smp::message out;
    if (event.what == smp::client_event::kind::malformed) {
        out = msg::err{worded(broker_error::response, smp::to_text(smp::as_server_error(*event.cause)))};
    } else if (const auto* failed = std::get_if<msg::err>(&event.content)) {
        auto error = failed->error;
        if (error.proxied < 255) ++error.proxied;
        out = msg::err{std::move(error)};
    } else if (const auto* response = std::get_if<msg::rres>(&event.content)) {
        out = opened(*response, command.id, storage);
    } else {
        out = msg::err{worded(broker_error::unexpected, std::string(smp::name(event.content)))};
    }
    owner_.relay_answered(command.from, out);
    return true;
}

smp::message relay_link::opened(const msg::rres& response, const smp::correlation_id& id,
                                bytes& storage) const {
    auto plain = smp::open_forwarded_response(box_, id, response.response);
    if (!plain) return msg::err{smp::make_server_error(smp::error_code::crypto)};
    storage = std::move(*plain);
    const auto inner = smp::parse_forwarded_response(storage);
    if (!inner) return msg::err{worded(broker_error::response, "BLOCK")};
    return msg::pres{inner->response};
}

void relay_link::forward(const relay_command& command) {
    touch();
    bytes plain;
    encoding::writer writer(plain);
    write(writer, smp::forwarded_transmission{command.from.correlation.view(), command.relay_version,
                                              command.key, command.transmission});
    const auto id = session_->new_correlation_id();
    const auto sealed = smp::seal_forwarded(box_, id, plain);
    const auto token = next_token_++;
    if (!session_->send(id, cmd::rfwd{sealed}, {}, nullptr, token)) {
        owner_.relay_answered(command.from, msg::err{transport_failure(transport_error::large_message)});
        return;
    }
    waiting_.emplace(token, asked{command.from, id, last_used_});
    flush();
}

void relay_link::flush() {
    while (!ended_ && session_) {
        if (out_left_ == 0) {
            if (!out_) out_ = std::make_unique<smp::block_buffer>();
            if (!session_->has_output() || !session_->next_block(*out_)) {
                out_.reset();
                return;
            }
            out_left_ = out_->size();
        }
        const auto given = stream_.try_write(bytes_view(*out_).last(out_left_));
        if (!given) {
            if (!given.error().is(status::would_block))
                end(broker_failure(broker_error::network), given.error().message());
            return;
        }
        out_left_ -= *given;
    }
}

void relay_link::check_time() {
    const auto now = owner_.relay_now();
    if (ended_) return;
    if (!ready_) {
        if (now - begun_ > times_.connect)
            end(broker_failure(broker_error::network), "its hello did not come in time");
        return;
    }
    while (!waiting_.empty() && now - waiting_.begin()->second.since > times_.response) {
        const auto late = std::move(waiting_.begin()->second);
        waiting_.erase(waiting_.begin());
        static_cast<void>(session_->forget(late.id));
        owner_.relay_answered(late.from, msg::err{broker_failure(broker_error::timeout)});
        if (last_heard_ < late.since) return end(broker_failure(broker_error::timeout), "it does not answer");
    }
    if (waiting_.empty() && now - last_used_ > times_.idle)
        end(broker_failure(broker_error::network), "nobody uses it");
}

} // namespace plexus::smp_server
