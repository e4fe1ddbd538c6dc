package com.example.peer;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.rpc.service.GenericService;

/** The address that calls go to. Dubbo keeps one connection per address, which all references share. */
final class Remote implements AutoCloseable {
    private static final int TIMEOUT_MILLIS = 15_000;

    private final String url;
    private final List<ReferenceConfig<?>> references = new CopyOnWriteArrayList<>();

    /** {@code parameters} is the query of the url, which may be empty: {@code heartbeat=500&serialization=...}. */
    Remote(String address, String parameters) {
        int colon = address.lastIndexOf(':');
        String hostAndPort = Peer.dubboHost(address.substring(0, colon)) + address.substring(colon);
        url = "dubbo://" + hostAndPort + (parameters.isEmpty() ? "" : "?" + parameters);
    }

    <T> T refer(Class<T> type) {
        return refer(type, reference -> {});
    }

    <T> T refer(Class<T> type, Consumer<ReferenceConfig<T>> settings) {
        ReferenceConfig<T> reference = base(type.getName());
        reference.setInterface(type);
        settings.accept(reference);
        return reference.get();
    }

    /** A reference that needs no class of the service on this side. */
    GenericService referGeneric(String interfaceName) {
        ReferenceConfig<GenericService> reference = base(interfaceName);
        reference.setGeneric("true");
        return reference.get();
    }

    private <T> ReferenceConfig<T> base(String interfaceName) {
        ReferenceConfig<T> reference = new ReferenceConfig<>();
        reference.setInterface(interfaceName);
        // Twice the same, and a cluster that takes plain urls: with one url, Dubbo 2 leaves out the layer that hands over the
        // attachments of a response.
        reference.setUrl(url + ";" + url);
        reference.setCluster("failover");
        reference.setTimeout(TIMEOUT_MILLIS);
        reference.setRetries(0); // a retry would hide what the first try met
        reference.setCheck(false);
        references.add(reference);
        return reference;
    }

    /** Closes the connection, unless another Remote with this address uses it. */
    @Override
    public void close() {
        references.forEach(ReferenceConfig::destroy);
    }
}
