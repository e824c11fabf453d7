// Texts of messages, valid UTF-8 as JSON strings are.
#include "plexus/chat/markdown.hpp"
#include "plexus/encoding/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = plexus::as_text({data, size});
    if (plexus::encoding::is_utf8(text)) plexus::chat::parse_markdown(text);
    return 0;
}
