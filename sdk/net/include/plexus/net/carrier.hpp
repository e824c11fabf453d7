// What carries the bytes of a stream: a socket, or a stream of a transport below. Used by plugins that make
// streams.
#pragma once

#include "plexus/loop.hpp"
#include "plexus/net/descriptor.hpp"
#include "plexus/stream.hpp"

namespace plexus::net {

/// All [shard], one shard.
class carrier {
  public:
    class sink {
      public:
        /// What was wanted holds. The sink may destroy the carrier.
        virtual void ready(std::uint32_t events) = 0;

      protected:
        ~sink() = default;
    };

    carrier() = default;
    carrier(const carrier&) = delete;
    carrier& operator=(const carrier&) = delete;
    virtual ~carrier() = default;

    /// OK with bytes, WOULD_BLOCK, CLOSED or what broke it.
    virtual std::int32_t read(bytes_span out, std::size_t& taken) = 0;
    virtual std::int32_t write(bytes_view in, std::size_t& given) = 0;
    /// Which of PLEXUS_READABLE and PLEXUS_WRITABLE the sink waits for.
    virtual void want(std::uint32_t events) = 0;
    virtual void shutdown() = 0;
    /// Gives the connected socket away; -1 if there is none.
    virtual int release() = 0;
    /// What the system or the transport below said when it broke.
    virtual std::string reason() const = 0;

    void set_sink(sink* to) noexcept { sink_ = to; }
    /// The last status other than OK and WOULD_BLOCK; OK until then.
    std::int32_t broken() const noexcept { return broken_; }

  protected:
    std::int32_t note(std::int32_t code) noexcept {
        if (code != PLEXUS_OK && code != PLEXUS_E_WOULD_BLOCK) broken_ = code;
        return code;
    }
    sink* sink_ = nullptr;
    std::int32_t broken_ = PLEXUS_OK;
};

class socket_carrier final : public carrier {
  public:
    socket_carrier(loop_ref loop, descriptor socket);
    ~socket_carrier() override;

    std::int32_t read(bytes_span out, std::size_t& taken) override;
    std::int32_t write(bytes_view in, std::size_t& given) override;
    void want(std::uint32_t events) override;
    void shutdown() override;
    int release() override;
    std::string reason() const override;
    int get() const noexcept { return socket_.get(); }

  private:
    std::int32_t failed(int number) noexcept;
    const plexus_loop* loop_;
    plexus_watch* watch_ = nullptr;
    descriptor socket_;
    int error_ = 0;
    std::uint32_t wanted_ = 0;
    bool drained_ = false; ///< a read found less than it had room for; until more comes there is nothing
};

/// A stream of the transport below that cannot hand over its socket.
class stream_carrier final : public carrier {
  public:
    explicit stream_carrier(stream below);

    std::int32_t read(bytes_span out, std::size_t& taken) override;
    std::int32_t write(bytes_view in, std::size_t& given) override;
    void want(std::uint32_t events) override;
    void shutdown() override;
    int release() override { return -1; }
    std::string reason() const override;

  private:
    void arrived(std::uint32_t event);
    stream below_;
    std::uint32_t wanted_ = 0;
};

} // namespace plexus::net
