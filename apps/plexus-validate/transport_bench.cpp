#include "transport_suite.hpp"

#include <thread>

namespace plexus::validate {
// ---- the bench

transport_bench::transport_bench(const transport_target& target, line over, std::filesystem::path folder)
    : target_(target), over_(over), folder_(std::move(folder)), chain_(test::make_chain()) {}

transport_bench::~transport_bench() = default;

void transport_bench::open() {
    std::string text = "[kernel]\nshards = " + std::to_string(shards) + "\n[plugin.subject]\nlibrary = \"" +
                       target_.library + "\"\n" + target_.settings + "\n" + target_.companions + "\n";
    if (text.find("{socks}") != std::string::npos) {
        proxy_.emplace();
        fill_in(text, "{socks}", proxy_->address());
    }
    fill_in(text, "{folder}", folder_.string());
    kernel::config_source config;
    config.text = std::move(text);
    kernel::kernel_options options;
    options.program = "plexus-validate";
    options.plugin_folders = target_.plugin_folders;
    options.log = [this](std::string_view line) {
        const std::scoped_lock lock(log_mutex_);
        log_.emplace_back(line);
    };
    if (target_.prepare) target_.prepare(options);
    auto loaded = kernel::kernel::load(config, std::move(options));
    if (!loaded) throw broken_contract(loaded.error().message());
    kernel_ = std::move(loaded).value();
    if (const auto started = kernel_->start(); !started) throw broken_contract(started.error().message());
    transport_ = reinterpret_cast<const plexus_transport*>(kernel_->service("subject", PLEXUS_TRANSPORT_ID));
    carrier_ = transport_ == nullptr;
    if (carrier_)
        transport_ =
            reinterpret_cast<const plexus_transport*>(kernel_->service("subject", PLEXUS_CARRIER_ID));
    expect(transport_ != nullptr, "the plugin provides plexus.transport/1 or plexus.carrier/1");
    expect(transport_->service.size >= sizeof(plexus_transport), "the table has every field");
    listener_ = reinterpret_cast<const plexus_listener*>(kernel_->service("subject", PLEXUS_LISTENER_ID));
}

void transport_bench::close() {
    if (!kernel_) return;
    const auto stopped = kernel_->stop();
    if (!stopped) throw broken_contract(stopped.error().message());
    kernel_.reset();
    const std::scoped_lock lock(log_mutex_);
    for (const auto& line : log_)
        if (line.find("leaves behind") != std::string::npos) throw broken_contract(line);
}

std::unique_ptr<peer> transport_bench::serve(peer_kind kind) {
    if (over_ != line::raw) return make_listener_peer(*this, kind);
    std::string path = target_.peer_path;
    fill_in(path, "{folder}", folder_.string());
    return make_socket_peer(kind, path);
}

plexus_connect_options transport_bench::options(std::uint32_t port) const {
    static constexpr std::string_view protocol = "smp/1";
    static const plexus_view alpn = to_abi(protocol);
    plexus_connect_options out{};
    out.size = sizeof out;
    out.host = to_abi(std::string_view(target_.host));
    out.port = port;
    if (over_ != line::secure) return out;
    out.flags = PLEXUS_CONNECT_SECURE;
    out.alpn_count = 1;
    out.alpn = &alpn;
    out.key_hash = to_abi(bytes_view(chain_.fingerprint));
    return out;
}

call& transport_bench::begin(const plexus_connect_options& options, std::uint32_t shard) {
    call* const made = calls_.emplace_back(std::make_unique<call>()).get();
    made->bench = this;
    on(shard, [&] {
        const auto done = [](void* context, std::int32_t status, const plexus_error* failure,
                             plexus_stream* stream) {
            auto& mine = *static_cast<call*>(context);
            mine.status = status;
            mine.explained = failure != nullptr;
            if (failure != nullptr) mine.message = text_of(failure->message);
            mine.retryable = failure != nullptr && (failure->flags & PLEXUS_ERROR_RETRYABLE) != 0;
            mine.stream = mine.discards ? nullptr : stream;
            if (mine.discards && stream != nullptr) stream->api->destroy(stream);
            mine.shard = mine.bench->running().backend().current_shard();
            mine.inside = mine.calling;
            ++mine.completions;
            mine.bench->wake();
        };
        made->calling = true;
        made->started = transport_->connect(transport_->service.self, &options, done, made, &made->operation);
        made->calling = false;
    });
    return *made;
}

void transport_bench::wait_for(call& one) {
    if (one.started == PLEXUS_OK)
        wait([&one] { return one.completions > 0; }, "every connect that starts has a completion");
}

call& transport_bench::connect(const plexus_connect_options& options, std::uint32_t shard) {
    call& made = begin(options, shard);
    wait_for(made);
    return made;
}

std::unique_ptr<flow> transport_bench::dial(const peer& to, std::uint32_t shard) {
    call& made = connect(options(to.port()), shard);
    if (made.outcome() != PLEXUS_OK)
        throw broken_contract("no connection to a peer that listens: " +
                              std::string(describe(made.outcome())) + ": " + made.message);
    expect(made.stream != nullptr, "a completion with OK brings a stream");
    return std::make_unique<flow>(*this, std::exchange(made.stream, nullptr), shard);
}

void transport_bench::on(std::uint32_t shard, const std::function<void()>& step) {
    std::exception_ptr thrown;
    kernel_->call(shard, [&] {
        try {
            step();
        } catch (...) {
            thrown = std::current_exception();
        }
    });
    if (thrown) std::rethrow_exception(thrown);
}

void transport_bench::wait(const std::function<bool()>& done, const char* what) {
    // The waker asks again now and then: what peers do in their threads wakes nobody, and the time passes.
    std::atomic<bool> over{false};
    std::thread waker;
    if (target_.sockets)
        waker = std::thread([&] {
            while (!over) {
                std::this_thread::sleep_for(std::chrono::milliseconds(20));
                wake();
            }
        });
    const auto deadline = std::chrono::steady_clock::now() + target_.patience;
    bool late = false;
    kernel_->run_until([&] {
        if (done()) return true;
        late = std::chrono::steady_clock::now() > deadline;
        return late;
    });
    over = true;
    if (waker.joinable()) waker.join();
    if (late)
        throw broken_contract("in " + std::to_string(target_.patience.count()) + " s it did not hold that " +
                              what);
}

void transport_bench::turns(int count) {
    for (int i = 0; i < count; ++i)
        for (std::uint32_t shard = 0; shard < shards; ++shard) on(shard, [] {});
}

// ---- a stream

flow::flow(transport_bench& bench, plexus_stream* raw, std::uint32_t shard)
    : bench_(bench), raw_(raw), shard_(shard) {}

flow::~flow() {
    try {
        destroy();
    } catch (const std::exception&) {
        return; // the kernel does not run any more
    }
}

void flow::watch() {
    static constexpr plexus_stream_handler handler{[](void* context) {
                                                       auto& mine = *static_cast<flow*>(context);
                                                       ++mine.readable;
                                                       mine.bench_.wake();
                                                       if (mine.on_readable)
                                                           std::exchange(mine.on_readable, {})();
                                                   },
                                                   [](void* context) {
                                                       auto& mine = *static_cast<flow*>(context);
                                                       ++mine.writable;
                                                       mine.bench_.wake();
                                                       if (mine.on_writable)
                                                           std::exchange(mine.on_writable, {})();
                                                   }};
    bench_.on(shard_, [this] { raw_->api->set_handler(raw_, &handler, this); });
}

std::int32_t flow::read(bytes& into, std::size_t most) {
    bytes block(most);
    std::uint64_t taken = 0;
    std::int32_t code = PLEXUS_OK;
    bench_.on(shard_, [&] { code = api().try_read(raw_, plexus_span{block.data(), block.size()}, &taken); });
    transport_bench::expect(code == PLEXUS_OK ? taken > 0 && taken <= most : taken == 0,
                            "try_read says OK with bytes, or leaves the count alone");
    into.insert(into.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(taken));
    return code;
}

std::int32_t flow::write(bytes_view data, std::size_t& given) {
    std::uint64_t count = 0;
    std::int32_t code = PLEXUS_OK;
    bench_.on(shard_, [&] { code = api().try_write(raw_, to_abi(data), &count); });
    transport_bench::expect(code == PLEXUS_OK ? count > 0 && count <= data.size() : count == 0,
                            "try_write says OK with a count, or leaves it alone");
    given = static_cast<std::size_t>(count);
    return code;
}

void flow::write_all(bytes_view data) {
    while (!data.empty()) {
        const int before = writable;
        std::size_t given = 0;
        const std::int32_t code = write(data, given);
        data = data.subspan(given);
        if (code == PLEXUS_E_WOULD_BLOCK)
            bench_.wait([&] { return writable != before; }, "after WOULD_BLOCK writable is called");
        else
            transport_bench::expect_equal(code, PLEXUS_OK, "a stream that stands takes bytes");
    }
}

void flow::shutdown() {
    bench_.on(shard_, [this] { api().shutdown(raw_); });
}

void flow::destroy() {
    if (raw_ == nullptr) return;
    bench_.on(shard_, [this] { api().destroy(std::exchange(raw_, nullptr)); });
}

std::string flow::info(std::uint32_t what, std::uint32_t index) {
    std::string out = "none";
    bench_.on(shard_, [&] {
        const std::uint8_t untouched = 0;
        plexus_view value{&untouched, 77};
        const std::int32_t code = api().get_info(raw_, what, index, &value);
        if (code == PLEXUS_OK)
            out = text_of(value);
        else
            transport_bench::expect(value.data == &untouched && value.size == 77,
                                    "get_info leaves its output alone when it fails");
    });
    return out;
}

std::string flow::error() {
    std::string out;
    bench_.on(shard_, [&] {
        const plexus_error* why = api().get_error(raw_);
        if (why != nullptr) out = text_of(why->message);
    });
    return out;
}

std::int32_t flow::exchange(bytes_view data, std::size_t size, bytes& received, std::size_t piece) {
    std::int32_t ended = PLEXUS_OK;
    bytes block(piece);
    const auto write = [&] {
        std::uint64_t given = 0;
        while (!data.empty()) {
            const std::int32_t code =
                api().try_write(raw_, to_abi(data.first(std::min(data.size(), piece))), &given);
            if (code == PLEXUS_E_WOULD_BLOCK) return;
            if (code != PLEXUS_OK) {
                data = {};
                return;
            }
            data = data.subspan(static_cast<std::size_t>(given));
        }
    };
    const auto read = [&] {
        while (received.size() < size && ended == PLEXUS_OK) {
            std::uint64_t taken = 0;
            const std::size_t most = std::min(block.size(), size - received.size());
            const std::int32_t code = api().try_read(raw_, plexus_span{block.data(), most}, &taken);
            if (code == PLEXUS_E_WOULD_BLOCK) return;
            if (code != PLEXUS_OK) ended = code;
            received.insert(received.end(), block.begin(),
                            block.begin() + static_cast<std::ptrdiff_t>(taken));
        }
    };
    for (;;) {
        const int readable_before = readable;
        const int writable_before = writable;
        bench_.on(shard_, [&] {
            write();
            read();
        });
        if (ended != PLEXUS_OK || received.size() == size) return ended;
        bench_.wait([&] { return readable != readable_before || writable != writable_before; },
                    "after WOULD_BLOCK readable or writable is called");
    }
}

std::int32_t flow::read_to_end(bytes& received) {
    for (;;) {
        const int before = readable;
        const std::int32_t code = read(received);
        if (code == PLEXUS_OK) continue;
        if (code != PLEXUS_E_WOULD_BLOCK) return code;
        bench_.wait([&] { return readable != before; }, "after WOULD_BLOCK readable is called");
    }
}

// ---- cases

const char* name_of(line over) noexcept {
    switch (over) {
    case line::raw: return "raw";
    case line::raw_own: return "raw_own";
    case line::secure: return "secure";
    }
    return "";
}

std::vector<transport_case> transport_cases() {
    std::vector<transport_case> all;
    for (const auto part : {connect_cases(), stream_cases()}) all.insert(all.end(), part.begin(), part.end());
    return all;
}

case_report run_transport_case(const transport_case& one, line over, const transport_target& target,
                               const std::filesystem::path& folder) {
    try {
        if (over == line::raw && !target.sockets) throw not_here("it has a network of its own");
        transport_bench bench(target, over, folder);
        bench.open();
        if (over != line::raw && bench.listener() == nullptr) throw not_here("it has no listener");
        if (over != line::raw && bench.is_carrier()) throw not_here("a carrier makes raw streams");
        one.run(bench);
        bench.close();
    } catch (const not_here& why) {
        return {case_outcome::skipped, why.what()};
    } catch (const std::exception& broken) {
        return {case_outcome::failed, broken.what()};
    }
    return {};
}

} // namespace plexus::validate
