// What streams over a carrier have in common, raw or with a layer such as TLS: the C table, the handler and
// its one-shot callbacks, the error that broke the stream, the account of open streams.
#pragma once

#include "plexus/net/account.hpp"
#include "plexus/net/carrier.hpp"

#include <list>

namespace plexus::net {

class base_stream : public plexus_stream, public carrier::sink, public member {
  public:
    /// `peer` is how messages and logs name the other side.
    base_stream(account& owner, std::unique_ptr<carrier> below, std::string peer);
    ~base_stream() override;

    /// From here on the stream is its user's; the account cuts it at the end.
    void open();
    const std::string& peer() const noexcept { return peer_; }

    void ready(std::uint32_t events) final;
    void cut() final;

  protected:
    virtual std::int32_t read(bytes_span out, std::size_t& taken) = 0;
    virtual std::int32_t write(bytes_view in, std::size_t& given) = 0;
    /// True if read would not say WOULD_BLOCK now; otherwise the wait goes on.
    virtual bool check_readable() { return true; }
    /// Sends what is left; true if shutdown is through.
    virtual bool end() = 0;
    virtual std::int32_t info(std::uint32_t what, std::uint32_t index, plexus_view& value);
    virtual std::int32_t release(std::int32_t&) { return PLEXUS_E_UNSUPPORTED; }

    std::int32_t fail(error reason);
    /// Fails with what the carrier says.
    std::int32_t fail_below(std::string_view doing);
    bool failed() const noexcept { return failure_ != nullptr; }
    /// Lends bytes until the stream's end.
    plexus_view keep(std::uint32_t what, std::uint32_t index, bytes value);

    carrier* below() noexcept { return below_.get(); }

    // Which readiness of the carrier a blocked read or write waits for.
    std::uint8_t read_needs_ = PLEXUS_READABLE;
    std::uint8_t write_needs_ = PLEXUS_WRITABLE;

  private:
    struct broken {
        error reason;
        plexus_error lent{};
    };
    struct kept_info {
        std::uint32_t what;
        std::uint32_t index;
        bytes value;
    };
    static const plexus_stream_api table;
    static base_stream& of(plexus_stream* raw) noexcept { return *static_cast<base_stream*>(raw); }

    void set_handler(const plexus_stream_handler* handler, void* context);
    std::int32_t try_read(plexus_span out, std::uint64_t* taken);
    std::int32_t try_write(plexus_view in, std::uint64_t* given);
    void shutdown();
    void update_interest();
    std::int32_t status_of_failure() const noexcept;

    account* owner_;
    std::unique_ptr<carrier> below_;
    const plexus_stream_handler* handler_ = nullptr;
    void* context_ = nullptr;
    bool* gone_ = nullptr; // of the callback under way
    std::unique_ptr<broken> failure_;
    std::unique_ptr<std::list<kept_info>> infos_;
    std::string peer_;
    bool open_ = false;
    bool waits_read_ = false;
    bool waits_write_ = false;
    bool ending_ = false; // shutdown was asked and has bytes left to send
    bool ended_ = false;  // shutdown was asked
};

} // namespace plexus::net
