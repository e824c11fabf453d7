// One client's connection to the server under load: TLS on the socket itself, hellos, and blocks that are
// filled with as many commands as come together. Nothing is allocated for a message.
#pragma once

#include "target.hpp"

#include "plexus/smp/block.hpp"
#include "plexus/smp/command.hpp"
#include "plexus/smp/message.hpp"

#include <boost/asio/io_context.hpp>

#include <memory>

namespace plexus::bench {

/// An id of a queue or a message.
class entity_id {
  public:
    entity_id() = default;
    /// Cut to 32 bytes: servers in use give 24.
    explicit entity_id(bytes_view from) noexcept;
    bytes_view view() const noexcept { return {data_.data(), size_}; }
    operator bytes_view() const noexcept { return view(); }
    friend bool operator==(const entity_id& a, const entity_id& b) noexcept { return equal(a, b); }

  private:
    std::array<std::uint8_t, 32> data_{};
    std::uint8_t size_ = 0;
};

/// What authorizes commands for a queue; `box` is for X25519 and belongs to one connection.
struct signer {
    crypto::private_key key;
    crypto::box_key box;
};

/// The whole of a command, authorized once: it can be sent again and again.
struct ready_command {
    std::array<std::uint8_t, smp::id_size> correlation{};
    std::array<std::uint8_t, 114> authorization{};
    std::uint8_t authorization_size = 0;
};

struct incoming {
    /// Of the command that it answers; nothing for what nobody asked for.
    std::optional<std::uint64_t> token;
    bytes_view entity;
    smp::message content;
};

class connection : public std::enable_shared_from_this<connection> {
  public:
    /// Called from the loop. Views are valid until the return.
    class events {
      public:
        /// Commands are collected: flush() sends them, after whatever else is to be collected.
        virtual void collected(connection& on) = 0;
        virtual void ready(connection& on) = 0;
        virtual void received(connection& on, incoming& what) = 0;
        /// Not after close().
        virtual void lost(connection& on, const error& why) = 0;

      protected:
        ~events() = default;
    };

    connection(boost::asio::io_context& io, const target& to, events& owner, std::uint32_t index);

    std::uint32_t index() const noexcept { return index_; }
    bool is_ready() const noexcept { return state_ == state::ready; }
    smp::version version() const noexcept { return version_; }
    const crypto::public_key& server_key() const noexcept { return server_key_; }
    /// Of the certificate that the server showed, and how many there were.
    const crypto::public_key& leaf_key() const noexcept { return leaf_key_; }
    int chain_length() const noexcept { return chain_length_; }

    /// Once; a new connection is a new object.
    void open();
    void close();

    /// Completes a signer for this connection. Error: the server gave no session key.
    result<void> attach(signer& with) const;

    void send(std::uint64_t token, const smp::command& value, bytes_view entity, const signer* authority);
    /// `body` is an encoded command.
    ready_command prepare(std::uint64_t token, bytes_view body, bytes_view entity, const signer& authority);
    void send(const ready_command& prepared, bytes_view body, bytes_view entity);
    void flush();
    /// From now on nothing is read: what the server sends fills its buffers.
    void stop_reading() { deaf_ = true; }
    /// What was sent last is not all taken by the server.
    bool is_writing() const noexcept { return writing_; }

  private:
    enum class state : unsigned char { closed, connecting, handshake, hello, ready };
    using block_pointer = std::unique_ptr<smp::block_buffer>;

    void step();
    void handshake();
    void finish_handshake();
    void read_blocks();
    bool take_block(smp::block_span block);
    result<void> take_hello(bytes_view content);
    void take_transmission(bytes_view raw);
    void write_blocks();
    void start_block();
    void finish_block();
    void wait(boost::asio::ip::tcp::socket::wait_type what);
    void fail(const error& why);
    std::array<std::uint8_t, smp::id_size> correlation_of(std::uint64_t token);
    ready_command authorize(const std::array<std::uint8_t, smp::id_size>& correlation, bytes_view entity,
                            bytes_view body, const signer* authority);
    void put(const ready_command& command, bytes_view entity, bytes_view body);

    boost::asio::ip::tcp::socket socket_;
    const target& to_;
    events& owner_;
    ssl_pointer ssl_;
    std::uint32_t index_;
    state state_ = state::closed;
    bool reading_ = false; ///< a wait is under way
    bool writing_ = false;
    bool deaf_ = false;
    bool collected_ = false; ///< and said so
    int chain_length_ = 0;
    smp::version version_ = 0;
    crypto::public_key server_key_;
    crypto::public_key leaf_key_;
    bytes session_id_;
    smp::block_cipher cipher_;
    std::uint64_t sequence_ = 0;

    block_pointer partial_; ///< of a block that has not arrived whole
    std::size_t arrived_ = 0;
    std::vector<block_pointer> outgoing_; ///< sealed, from `sent_` on
    std::size_t sent_ = 0;
    std::size_t offset_ = 0; ///< into the first of them
    block_pointer filling_;
    std::optional<smp::block_builder> builder_;
};

} // namespace plexus::bench
