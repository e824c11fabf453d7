#include "net.hpp"

namespace plexus::test {

namespace {
plexus_view view(bytes_view data) { return {data.data(), data.size()}; }
plexus_view view(std::string_view text) { return view(as_bytes(text)); }
std::vector<plexus_view> views(const std::vector<std::string>& texts) {
    std::vector<plexus_view> out;
    for (const auto& one : texts) out.push_back(view(std::string_view(one)));
    return out;
}
std::string text_of(plexus_view data) { return to_string(bytes_view(data.data, data.size)); }
} // namespace

// ---- wire

wire::wire(fake_host& on, plexus_stream* stream, std::int32_t where) : host(on), raw(stream), shard(where) {
    static constexpr plexus_stream_handler handler{
        [](void* context) {
            auto* self = static_cast<wire*>(context);
            ++self->readable_calls;
            if (self->on_readable)
                self->on_readable();
            else
                self->read();
        },
        [](void* context) { static_cast<wire*>(context)->flush(); }};
    const auto begin = [this] {
        raw->api->set_handler(raw, &handler, this);
        read();
    };
    if (host.shard == shard)
        begin();
    else
        host.on_shard(static_cast<std::uint32_t>(shard), begin);
}

wire::~wire() {
    const auto end = [this] {
        if (raw != nullptr) raw->api->destroy(raw);
    };
    if (host.shard == shard)
        end();
    else
        host.on_shard(static_cast<std::uint32_t>(shard), end);
}

void wire::read() {
    bytes block(read_size);
    for (;;) {
        std::uint64_t taken = 0;
        const std::int32_t code = raw->api->try_read(raw, {block.data(), block.size()}, &taken);
        if (code == PLEXUS_E_WOULD_BLOCK) return;
        if (code != PLEXUS_OK) {
            ended_ = code;
            return;
        }
        EXPECT_GT(taken, 0U);
        received.insert(received.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(taken));
    }
}

void wire::flush() {
    while (!to_write_.empty()) {
        std::uint64_t given = 0;
        const std::int32_t code = raw->api->try_write(raw, view(bytes_view(to_write_)), &given);
        if (code == PLEXUS_E_WOULD_BLOCK) return;
        if (code != PLEXUS_OK) return to_write_.clear();
        to_write_.erase(to_write_.begin(), to_write_.begin() + static_cast<std::ptrdiff_t>(given));
    }
}

void wire::write(bytes_view data) {
    const bool idle = to_write_.empty();
    to_write_.insert(to_write_.end(), data.begin(), data.end());
    if (idle) host.on_shard(static_cast<std::uint32_t>(shard), [this] { flush(); });
}

void wire::shutdown() {
    host.on_shard(static_cast<std::uint32_t>(shard), [this] { raw->api->shutdown(raw); });
}

bytes wire::info(std::uint32_t what, std::uint32_t index) const {
    plexus_view value{};
    if (raw->api->get_info(raw, what, index, &value) != PLEXUS_OK) return {};
    return {value.data, value.data + value.size};
}

std::string wire::text(std::uint32_t what) const { return to_string(info(what)); }

std::string wire::error() const {
    const plexus_error* failure = raw->api->get_error(raw);
    return failure == nullptr ? std::string() : text_of(failure->message);
}

// ---- net

const plexus_transport* net::transport() const {
    return reinterpret_cast<const plexus_transport*>(plugin.service(PLEXUS_TRANSPORT_ID));
}
const plexus_listener* net::listener() const {
    return reinterpret_cast<const plexus_listener*>(plugin.service(PLEXUS_LISTENER_ID));
}

net::~net() {
    accepted.clear();
    close();
}

bool net::serve(const test_chain& chain, const serve_options& options) {
    const auto alpn = views(options.alpn);
    plexus_listen_options raw{};
    raw.size = sizeof raw;
    raw.flags = options.secure ? static_cast<std::uint32_t>(PLEXUS_LISTEN_SECURE) : 0U;
    if (options.ask_certificate) raw.flags |= PLEXUS_LISTEN_ASK_CERTIFICATE;
    raw.address = view(std::string_view(options.address));
    raw.port = options.port;
    raw.alpn_count = static_cast<std::uint32_t>(alpn.size());
    raw.alpn = alpn.data();
    raw.chain = view(std::string_view(chain.pem));
    raw.key = view(std::string_view(chain.key));
    raw.handshake_timeout_ns = options.handshake_timeout_ns;
    raw.pending_most = options.pending_most;
    raw.connections_most = options.connections_most;
    raw.connections_most_of_one = options.connections_most_of_one;
    raw.counted_with = options.counted_with;
    const auto accept = [](void* context, plexus_stream* stream) {
        auto* self = static_cast<net*>(context);
        ++self->accepted_count;
        self->accepted.push_back(std::make_unique<wire>(self->host, stream, self->host.shard));
    };
    if (handle_ != nullptr) first_ = std::exchange(handle_, nullptr);
    plexus_error* error = nullptr;
    failure_code = listener()->listen(listener()->service.self, &raw, accept, this, &handle_, &error);
    if (error != nullptr) {
        failure = text_of(error->message);
        error->release(error);
    }
    if (failure_code != PLEXUS_OK) return false;
    port = listener()->port(listener()->service.self, handle_);
    return true;
}

std::int32_t net::set_credentials(const test_chain& chain) {
    return listener()->set_credentials(listener()->service.self, handle_, view(std::string_view(chain.pem)),
                                       view(std::string_view(chain.key)), nullptr);
}

void net::close() {
    if (handle_ == nullptr) handle_ = std::exchange(first_, nullptr);
    if (handle_ == nullptr) return;
    bool over = false;
    const plexus_completion done{[](void* context, std::int32_t status, const plexus_error*) {
                                     EXPECT_EQ(status, PLEXUS_OK);
                                     *static_cast<bool*>(context) = true;
                                 },
                                 &over};
    EXPECT_EQ(listener()->close(listener()->service.self, std::exchange(handle_, nullptr), done), PLEXUS_OK);
    EXPECT_TRUE(host.run_until([&over] { return over; }));
    if (first_ != nullptr) close();
}

std::unique_ptr<dialed> net::begin_dial(const dial_options& options) {
    auto out = std::make_unique<dialed>();
    host.on_shard(options.shard, [this, &options, raw_out = out.get()] {
        const auto alpn = views(options.alpn);
        plexus_connect_options raw{};
        raw.size = sizeof raw;
        raw.flags = options.secure ? static_cast<std::uint32_t>(PLEXUS_CONNECT_SECURE) : 0U;
        if (options.public_only) raw.flags |= PLEXUS_CONNECT_PUBLIC;
        if (options.direct) raw.flags |= PLEXUS_CONNECT_DIRECT;
        if (options.carried) raw.flags |= PLEXUS_CONNECT_CARRIED;
        raw.keepalive = options.keepalive;
        raw.keepalive_idle = 7;
        raw.keepalive_interval = 8;
        raw.keepalive_count = 9;
        raw.host = view(std::string_view(options.host));
        raw.port = options.port;
        raw.alpn_count = static_cast<std::uint32_t>(alpn.size());
        raw.alpn = alpn.data();
        raw.key_hash = view(bytes_view(options.key_hash));
        raw.timeout_ns = options.timeout_ns;
        raw.server_name = view(std::string_view(options.server_name));
        if (options.certificate != nullptr) {
            raw.client_chain = view(std::string_view(options.certificate->pem));
            raw.client_key = view(std::string_view(options.certificate->key));
        }
        struct call {
            dialed* to;
            fake_host* host;
        };
        auto* made = new call{raw_out, &host};
        const auto done = [](void* context, std::int32_t status, const plexus_error* error,
                             plexus_stream* stream) {
            const std::unique_ptr<call> mine(static_cast<call*>(context));
            mine->to->status = status;
            mine->to->operation = nullptr;
            if (error != nullptr) mine->to->message = text_of(error->message);
            if (status == PLEXUS_OK)
                mine->to->stream = std::make_unique<wire>(*mine->host, stream, mine->host->shard);
        };
        const std::int32_t code =
            transport()->connect(transport()->service.self, &raw, done, made, &raw_out->operation);
        EXPECT_FALSE(raw_out->status) << "completed inside the call";
        if (code != PLEXUS_OK) {
            delete made;
            raw_out->status = code;
        }
    });
    return out;
}

std::unique_ptr<dialed> net::dial(const dial_options& options) {
    auto out = begin_dial(options);
    EXPECT_TRUE(host.run_until([&out] { return out->status.has_value(); }));
    return out;
}

std::unique_ptr<wire> net::next() {
    EXPECT_TRUE(host.run_until([this] { return !accepted.empty(); }));
    if (accepted.empty()) return nullptr;
    auto out = std::move(accepted.front());
    accepted.erase(accepted.begin());
    return out;
}

} // namespace plexus::test
