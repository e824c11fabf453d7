// A connection to a server on which both sides send blocks of one size: dialed through the network, accounted
// for there, and read and written as far as the stream allows. What is in the blocks is its user's matter.
#pragma once

#include "plexus/abi/draft/network.h"
#include "plexus/loop.hpp"
#include "plexus/stream.hpp"

namespace plexus {

/// What a link tells. Never inside a call of the user, except link_ended inside start, flush, read and
/// check_time.
class block_link_user {
  public:
    /// The stream stands, and the time for the server's greeting runs.
    virtual void link_connected() = 0;
    /// One block, which may be changed in place.
    virtual void link_received(bytes_span block) = 0;
    /// Fills the next block to send; false if there is none.
    virtual bool link_fill(bytes_span block) = 0;
    /// Everything that had come was handed over.
    virtual void link_settled() = 0;
    /// Once; the link is of no more use. It may be destroyed later, not inside this call.
    virtual void link_ended(const error& cause) = 0;
    virtual std::chrono::nanoseconds link_now() = 0;

  protected:
    ~block_link_user() = default;
};

template <std::size_t Size>
class block_link {
  public:
    /// What the network says of a connection.
    struct terms {
        bool proxied = false;
        std::uint32_t ping_count = 0;
        std::chrono::nanoseconds ping_interval{};
        std::chrono::nanoseconds response{};
        std::chrono::nanoseconds response_interactive{};
        std::chrono::nanoseconds per_kilobyte{};
    };

    /// `dialing` hears that an attempt to connect begins (1) or ended (-1), also after the link's own end.
    block_link(block_link_user& user, loop_ref loop, std::function<void(int)> dialing)
        : user_(user), again_(loop, [this] { read(); }), dialing_(std::move(dialing)) {}
    block_link(const block_link&) = delete;
    block_link& operator=(const block_link&) = delete;
    ~block_link() {
        if (attempt_ != nullptr) {
            attempt_->link = nullptr;
            if (attempt_->operation != nullptr) attempt_->operation->cancel(attempt_->operation);
        }
        leave({});
    }

    /// `greeting`: what the server's first block may take; 0: as long as any response.
    void start(const plexus_network* network, const plexus_network_server& server,
               std::chrono::nanoseconds greeting = {}) {
        network_ = network;
        greeting_ = greeting;
        auto* begun = new attempt{this, network, dialing_, nullptr};
        attempt_ = begun;
        begun->dialing(1);
        const auto code =
            network->connect(network->service.self, &server, connected, begun, &begun->operation);
        if (code == PLEXUS_OK) return;
        attempt_ = nullptr;
        begun->dialing(-1);
        delete begun;
        end(from_abi(code, nullptr));
    }

    /// The greeting has come.
    void greeted() noexcept { greeting_due_.reset(); }
    bool is_connected() const noexcept { return static_cast<bool>(stream_); }
    bool is_ended() const noexcept { return ended_; }
    const stream& below() const noexcept { return stream_; }
    const terms& agreed() const noexcept { return terms_; }
    /// A round trip was measured.
    void answered(std::chrono::nanoseconds took) {
        if (account_ != nullptr)
            network_->answered(network_->service.self, account_, static_cast<std::uint64_t>(took.count()));
    }

    /// Takes what is there; other work of the shard has its turn after a few blocks.
    void read() {
        int blocks = 0;
        while (!ended_ && stream_) {
            if (!in_) in_ = std::make_unique<block>();
            auto taken = stream_.try_read(bytes_span(*in_).subspan(in_size_));
            if (!taken) {
                if (!taken.error().is(status::would_block)) return end(std::move(taken).error());
                break;
            }
            in_size_ += *taken;
            if (in_size_ < Size) continue;
            in_size_ = 0;
            user_.link_received(*in_);
            if (++blocks < blocks_at_once) continue;
            if (!ended_) again_.arm(std::chrono::nanoseconds(0));
            break;
        }
        if (in_size_ == 0) in_.reset();
        if (!ended_) user_.link_settled();
    }

    /// Writes as far as the stream takes it.
    void flush() {
        while (!ended_ && stream_) {
            if (out_left_ == 0) {
                if (!out_) out_ = std::make_unique<block>();
                if (!user_.link_fill(*out_)) return out_.reset();
                out_left_ = Size;
            }
            const auto given = stream_.try_write(bytes_view(*out_).last(out_left_));
            if (!given) {
                if (!given.error().is(status::would_block)) end(given.error());
                return;
            }
            out_left_ -= *given;
        }
    }

    /// When check_time has something to do.
    std::optional<std::chrono::nanoseconds> deadline() const noexcept { return greeting_due_; }
    void check_time() {
        if (!ended_ && greeting_due_ && user_.link_now() >= *greeting_due_)
            end(make_error(status::timeout, "the server does not answer", true));
    }

    void end(const error& cause) {
        if (std::exchange(ended_, true)) return;
        greeting_due_.reset();
        again_.disarm();
        leave(cause.message());
        user_.link_ended(cause);
    }

  private:
    using block = std::array<std::uint8_t, Size>;
    static constexpr int blocks_at_once = 16;

    /// What a connection's completion finds: the link, unless that is gone.
    struct attempt {
        block_link* link = nullptr;
        const plexus_network* network = nullptr;
        std::function<void(int)> dialing;
        plexus_operation* operation = nullptr;
    };

    static void connected(void* context, std::int32_t code, const plexus_error* failure,
                          const plexus_network_connected* made) {
        const std::unique_ptr<attempt> mine(static_cast<attempt*>(context));
        auto* link = mine->link;
        if (link == nullptr) {
            if (code == PLEXUS_OK) {
                stream unwanted(made->stream);
                mine->network->closed(mine->network->service.self, made->link, {});
            }
        } else {
            link->attempt_ = nullptr;
            if (code == PLEXUS_OK)
                link->take(*made);
            else
                link->end(from_abi(code, failure));
        }
        mine->dialing(-1);
    }

    void take(const plexus_network_connected& made) {
        stream_ = stream(made.stream);
        account_ = made.link;
        const auto time = [](std::uint64_t ns) {
            return std::chrono::nanoseconds(static_cast<std::int64_t>(ns));
        };
        terms_ = {(made.flags & PLEXUS_NETWORK_PROXIED) != 0,
                  made.ping_count,
                  time(made.ping_interval_ns),
                  time(made.response_ns),
                  time(made.response_interactive_ns),
                  time(made.per_kilobyte_ns)};
        static constexpr plexus_stream_handler handler{
            [](void* context) { static_cast<block_link*>(context)->read(); },
            [](void* context) { static_cast<block_link*>(context)->flush(); }};
        stream_.set_handler(&handler, this);
        greeting_due_ = user_.link_now() + (greeting_.count() != 0 ? greeting_ : terms_.response);
        user_.link_connected();
        read();
    }

    void leave(std::string_view why) {
        if (account_ != nullptr)
            network_->closed(network_->service.self, std::exchange(account_, nullptr), to_abi(why));
    }

    block_link_user& user_;
    timer again_;
    std::function<void(int)> dialing_;
    const plexus_network* network_ = nullptr;
    plexus_network_link* account_ = nullptr;
    attempt* attempt_ = nullptr; ///< under way
    stream stream_;
    terms terms_;
    std::chrono::nanoseconds greeting_{};
    std::optional<std::chrono::nanoseconds> greeting_due_;
    std::unique_ptr<block> in_;
    std::size_t in_size_ = 0;
    std::unique_ptr<block> out_;
    std::size_t out_left_ = 0; ///< of the block that is being written
    bool ended_ = false;
};

} // namespace plexus
