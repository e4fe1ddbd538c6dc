package com.example.triple;

import java.util.function.Consumer;
import org.apache.dubbo.config.ReferenceConfig;

/** The address that calls go to. Dubbo keeps one connection per address, which all references share. */
final class Remote {
    private static final int TIMEOUT_MILLIS = 10_000;

    private final String url;

    Remote(String address) {
        int colon = address.lastIndexOf(':');
        url = "tri://" + Peer.dubboHost(address.substring(0, colon)) + address.substring(colon);
    }

    <T> T refer(Class<T> type) {
        return refer(type, reference -> {});
    }

    <T> T refer(Class<T> type, Consumer<ReferenceConfig<T>> settings) {
        ReferenceConfig<T> reference = new ReferenceConfig<>();
        reference.setInterface(type);
        reference.setUrl(url);
        reference.setTimeout(TIMEOUT_MILLIS);
        reference.setRetries(0); // a retry would hide what the first try met
        reference.setCheck(false);
        settings.accept(reference);
        return reference.get();
    }
}
