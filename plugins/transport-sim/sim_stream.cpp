#include "sim_stream.hpp"

namespace plexus::transport_sim {

const plexus_stream_api sim_stream::table = {
    sizeof(plexus_stream_api),
    0,
    [](plexus_stream* self, const plexus_stream_handler* handler, void* context) {
        of(self).raw_->api->set_handler(of(self).raw_, handler, context);
    },
    [](plexus_stream* self, plexus_span out, std::uint64_t* taken) {
        return of(self).raw_->api->try_read(of(self).raw_, out, taken);
    },
    [](plexus_stream* self, plexus_view in, std::uint64_t* given) {
        return of(self).raw_->api->try_write(of(self).raw_, in, given);
    },
    [](plexus_stream* self) { of(self).raw_->api->shutdown(of(self).raw_); },
    [](plexus_stream* self) { delete &of(self); },
    [](plexus_stream* self, std::uint32_t what, std::uint32_t index, plexus_view* value) {
        return of(self).info(what, index, *value);
    },
    [](plexus_stream*, std::int32_t*) -> std::int32_t { return PLEXUS_E_UNSUPPORTED; },
    [](plexus_stream* self) { return of(self).raw_->api->get_error(of(self).raw_); },
};

std::int32_t sim_stream::info(std::uint32_t what, std::uint32_t index, plexus_view& value) const {
    const auto certificate = [&](const certificates& from) -> std::int32_t {
        if (index >= from.size()) return PLEXUS_E_NOT_FOUND;
        value = to_abi(bytes_view(from[index]));
        return PLEXUS_OK;
    };
    static const certificates none;
    if (what == PLEXUS_STREAM_PEER_CERTIFICATE) return certificate(known_.peer);
    if (what == PLEXUS_STREAM_OWN_CERTIFICATE) return certificate(known_.own ? *known_.own : none);
    if (index != 0) return PLEXUS_E_NOT_FOUND;
    switch (what) {
    case PLEXUS_STREAM_PEER: return raw_->api->get_info(raw_, what, index, &value);
    case PLEXUS_STREAM_ALPN: value = to_abi(std::string_view(known_.alpn)); return PLEXUS_OK;
    case PLEXUS_STREAM_SNI: value = to_abi(std::string_view(known_.server_name)); return PLEXUS_OK;
    case PLEXUS_STREAM_CHANNEL_BINDING: value = to_abi(bytes_view(known_.channel_binding)); return PLEXUS_OK;
    case PLEXUS_STREAM_CIPHER: value = to_abi(std::string_view("simulated")); return PLEXUS_OK;
    default: return PLEXUS_E_NOT_FOUND;
    }
}

} // namespace plexus::transport_sim
