#include "transport_suite.hpp"

#include <condition_variable>
#include <map>
#include <sys/socket.h>

namespace plexus::validate {
namespace {

constexpr std::string_view farewell = "bye";

// ---- of sockets

/// Opens once, for every thread that waits.
class gate {
  public:
    void open() {
        const std::scoped_lock lock(mutex_);
        open_ = true;
        opened_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        opened_.wait(lock, [this] { return open_; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable opened_;
    bool open_ = false;
};

class socket_peer final : public peer {
  public:
    socket_peer(peer_kind kind, const std::string& path)
        : kind_(kind), server_([this](int socket) { serve(socket); }, path) {}
    ~socket_peer() override { gate_.open(); }

    std::uint32_t port() const override { return server_.port(); }
    void release() override { gate_.open(); }
    std::size_t ended() const override { return ended_; }

  private:
    void serve(int socket) {
        std::vector<std::uint8_t> block;
        if (kind_ == peer_kind::hold) gate_.pass();
        if (kind_ == peer_kind::close) {
            write_all(socket, reinterpret_cast<const std::uint8_t*>(farewell.data()), farewell.size());
        } else if (kind_ == peer_kind::reset) {
            if (read_some(socket, block)) {
                sockaddr nothing{};
                nothing.sa_family = AF_UNSPEC; // TCP: a reset
                (void)::connect(socket, &nothing, sizeof nothing);
            }
        } else {
            while (read_some(socket, block) && write_all(socket, block.data(), block.size())) {
            }
        }
        ::shutdown(socket, kind_ == peer_kind::close ? SHUT_WR : SHUT_RDWR);
        while (kind_ == peer_kind::close && read_some(socket, block)) {
        }
        ++ended_;
    }

    peer_kind kind_;
    gate gate_;
    std::atomic<std::size_t> ended_{0};
    socket_server server_; ///< the last: its threads use the rest
};

// ---- of the transport's own listener

class listener_peer final : public peer {
  public:
    listener_peer(transport_bench& bench, peer_kind kind) : bench_(bench), kind_(kind) {
        const std::string_view protocol = "smp/1";
        const plexus_view alpn = to_abi(protocol);
        plexus_listen_options options{};
        options.size = sizeof options;
        if (bench.target().sockets) options.address = to_abi(std::string_view(bench.target().host));
        options.port = 0;
        if (bench.over() == line::secure) {
            options.flags = PLEXUS_LISTEN_SECURE;
            options.alpn_count = 1;
            options.alpn = &alpn;
            options.chain = to_abi(std::string_view(bench.chain().pem));
            options.key = to_abi(std::string_view(bench.chain().key));
        }
        const auto accepted = [](void* context, plexus_stream* stream) {
            static_cast<listener_peer*>(context)->accept(stream);
        };
        plexus_error* failure = nullptr;
        const auto* table = bench.listener();
        const std::int32_t code =
            table->listen(table->service.self, &options, accepted, this, &handle_, &failure);
        if (code != PLEXUS_OK) throw broken_contract("listen: " + take_error(code, failure).message());
    }

    ~listener_peer() override {
        // Nothing is accepted once the completion has come; then the streams go, each on its shard.
        std::atomic<bool> closed{false};
        struct closing {
            std::atomic<bool>& closed;
            transport_bench& bench;
        } waiting{closed, bench_};
        const plexus_completion done{[](void* context, std::int32_t, const plexus_error*) {
                                         auto& mine = *static_cast<closing*>(context);
                                         auto& bench = mine.bench;
                                         mine.closed = true;
                                         bench.wake();
                                     },
                                     &waiting};
        const auto* table = bench_.listener();
        if (table->close(table->service.self, handle_, done) == PLEXUS_OK)
            bench_.running().run_until([&] { return closed.load(); });
        for (std::uint32_t shard = 0; shard < transport_bench::shards; ++shard)
            bench_.running().call(shard, [this, shard] { ends_[shard].clear(); });
        bench_.running().run_until([this] { return leaving_ == 0; });
    }

    std::uint32_t port() const override {
        const auto* table = bench_.listener();
        return table->port(table->service.self, handle_);
    }
    void release() override {
        held_ = false;
        for (std::uint32_t shard = 0; shard < transport_bench::shards; ++shard)
            bench_.running().call(shard, [this, shard] {
                std::vector<end*> all;
                for (const auto& one : ends_[shard]) all.push_back(one.get());
                for (end* one : all) one->go();
            });
    }
    std::size_t ended() const override { return ended_; }

  private:
    /// One accepted stream.
    class end {
      public:
        end(listener_peer& owner, plexus_stream* raw) : owner_(owner), raw_(raw) {
            static constexpr plexus_stream_handler handler{
                [](void* context) { static_cast<end*>(context)->go(); },
                [](void* context) { static_cast<end*>(context)->go(); }};
            raw_->api->set_handler(raw_, &handler, this);
        }
        ~end() { raw_->api->destroy(raw_); }

        void go() {
            if (over_ || (owner_.kind_ == peer_kind::hold && owner_.held_)) return;
            if (owner_.kind_ == peer_kind::close && !told_) {
                waiting_ = to_bytes(farewell);
                told_ = ending_ = true;
            }
            while (flush() && take()) {
            }
        }

      private:
        /// False: it has to wait, or is over.
        bool flush() {
            while (!waiting_.empty()) {
                std::uint64_t given = 0;
                const std::int32_t code = raw_->api->try_write(raw_, to_abi(bytes_view(waiting_)), &given);
                if (code == PLEXUS_E_WOULD_BLOCK) return false;
                if (code != PLEXUS_OK) return finish();
                waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(given));
            }
            if (std::exchange(ending_, false)) raw_->api->shutdown(raw_);
            return true;
        }
        bool take() {
            bytes block(65536);
            std::uint64_t taken = 0;
            const std::int32_t code =
                raw_->api->try_read(raw_, plexus_span{block.data(), block.size()}, &taken);
            if (code == PLEXUS_E_WOULD_BLOCK) return false;
            if (code == PLEXUS_E_CLOSED) raw_->api->shutdown(raw_);
            if (code != PLEXUS_OK || owner_.kind_ == peer_kind::reset) return finish();
            if (owner_.kind_ != peer_kind::close)
                waiting_.assign(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(taken));
            return true;
        }
        bool finish() {
            over_ = true;
            owner_.finished(this);
            return false;
        }

        listener_peer& owner_;
        plexus_stream* raw_;
        bytes waiting_;
        bool told_ = false;   ///< its farewell
        bool ending_ = false; ///< once that is sent
        bool over_ = false;
    };

    void accept(plexus_stream* stream) {
        auto& mine = own();
        mine.push_back(std::make_unique<end>(*this, stream));
        mine.back()->go();
    }
    void finished(end* one) {
        // Later, since this is inside it; and a reset closes with bytes that were not read.
        const auto shard = static_cast<std::uint32_t>(bench_.running().backend().current_shard());
        ++leaving_;
        bench_.running().post(shard, [this, one, shard] {
            std::erase_if(ends_[shard], [one](const auto& each) { return each.get() == one; });
            ++ended_;
            auto& bench = bench_;
            --leaving_;
            bench.wake();
        });
    }
    std::vector<std::unique_ptr<end>>& own() {
        return ends_[static_cast<std::size_t>(bench_.running().backend().current_shard())];
    }

    transport_bench& bench_;
    peer_kind kind_;
    std::atomic<bool> held_{true};
    std::atomic<std::size_t> ended_{0};
    std::atomic<int> leaving_{0}; ///< tasks that remove an end
    plexus_listener_handle* handle_ = nullptr;
    std::array<std::vector<std::unique_ptr<end>>, transport_bench::shards> ends_;
};

} // namespace

std::unique_ptr<peer> make_socket_peer(peer_kind kind, const std::string& path) {
    return std::make_unique<socket_peer>(kind, path);
}

std::unique_ptr<peer> make_listener_peer(transport_bench& bench, peer_kind kind) {
    return std::make_unique<listener_peer>(bench, kind);
}

} // namespace plexus::validate
