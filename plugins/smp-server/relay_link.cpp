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

relay_link::relay_link(relay_owner& owner, loop_ref loop, const smp::server_address& server,
                       const relay_times& times, crypto::random_source& random)
    : owner_(owner), server_(server), times_(times), random_(random),
      link_(*this, loop, [&owner](int change) { owner.relay_dialing(change); }), begun_(owner.relay_now()),
      last_used_(begun_), last_heard_(begun_) {}

void relay_link::start(const plexus_network* network, bool public_only) {
    std::vector<plexus_view> hosts;
    for (const auto& each : server_.hosts) hosts.push_back(to_abi(std::string_view(each.name)));
    plexus_network_server server{};
    server.size = sizeof server;
    if (public_only) server.flags |= PLEXUS_NETWORK_PUBLIC;
    server.hosts = hosts.data();
    server.host_count = static_cast<std::uint32_t>(hosts.size());
    server.port = server_.port_number();
    server.default_port = smp::default_port;
    server.alpn = to_abi(protocol_name);
    server.key_hash = to_abi(bytes_view(server_.fingerprint));
    server.timeout_ns = static_cast<std::uint64_t>(times_.connect.count());
    link_.start(network, server, times_.connect);
}

void relay_link::link_connected() {
    smp::client_parameters parameters;
    parameters.server = server_.fingerprint;
    parameters.session_id =
        to_bytes(link_.below().info(PLEXUS_STREAM_CHANNEL_BINDING).value_or(bytes_view()));
    parameters.peer_chain = link_.below().peer_chain();
    parameters.proxy = true;
    session_.emplace(std::move(parameters), random_);
}

void relay_link::link_ended(const error& cause) {
    if (!session_) return end(dial_failure(cause), cause.message());
    end(broker_failure(broker_error::network), cause.message());
}

void relay_link::end(const smp::server_error& why, std::string_view cause) {
    if (ended_) return;
    ended_ = true;
    const std::string said(cause); // it may be the link's own
    link_.end(make_error(status::closed, said));
    // What was sent may have been done: as with the official proxy, its sender hears of no answer in time.
    for (const auto& [token, each] : std::exchange(waiting_, {}))
        owner_.relay_answered(each.from, msg::err{broker_failure(broker_error::timeout)});
    owner_.relay_ended(*this, why, said);
}

void relay_link::touch() { last_used_ = owner_.relay_now(); }

void relay_link::link_received(bytes_span block) {
    last_heard_ = owner_.relay_now();
    const auto received = session_->receive(block.first<smp::block_size>());
    if (!received)
        return end(ready_ ? broker_failure(broker_error::network) : hello_failure(received.error()),
                   received.error().message());
    if (!ready_) return greeted();
    bool wanted = false;
    while (const auto event = session_->next()) wanted = answered(*event) || wanted;
    if (!wanted && ++unasked_ > most_unasked)
        end(broker_failure(broker_error::network), "it sends what nobody asked for");
}

void relay_link::greeted() {
    if (session_->agreed_version() < smp::since::proxy)
        return end(transport_failure(transport_error::version), "it is too old for commands of a proxy");
    const auto box = session_->proxy_box();
    if (!box) return end(transport_failure(transport_error::no_auth), box.error().message());
    box_ = *box;
    ready_ = true;
    link_.greeted();
    touch();
    owner_.relay_ready(*this);
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
    link_.flush();
}

bool relay_link::link_fill(bytes_span block) {
    return session_->has_output() && session_->next_block(block.first<smp::block_size>());
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
