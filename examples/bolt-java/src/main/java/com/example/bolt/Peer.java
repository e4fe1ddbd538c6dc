package com.example.bolt;

import com.alipay.remoting.ConnectionEventType;
import com.alipay.remoting.rpc.RpcClient;
import com.example.bolt.Messages.EchoReply;
import com.example.bolt.Messages.EchoRequest;
import com.example.bolt.Messages.Question;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * A bolt client that speaks one version of the protocol. Each has a client of its own: a client keeps its connections by
 * address, without the version.
 */
final class Peer {
    static final int TIMEOUT_MILLIS = 15_000;

    final String label;
    final int protocol;
    /** The version of protocol 2; 0 for protocol 1, which has none. */
    final int version;
    final String address;
    final RpcClient client = new RpcClient();
    final AtomicInteger connects = new AtomicInteger();
    final AtomicInteger closes = new AtomicInteger();

    private Peer(String label, int protocol, int version, String address) {
        this.label = label;
        this.protocol = protocol;
        this.version = version;
        this.address = address;
        client.addConnectionEventProcessor(ConnectionEventType.CONNECT, (remote, connection) -> connects.incrementAndGet());
        client.addConnectionEventProcessor(ConnectionEventType.CLOSE, (remote, connection) -> closes.incrementAndGet());
        client.registerUserProcessor(new Processor<>(Question.class, (context, r) -> label + " answers " + r.text));
        client.startup();
    }

    /** One peer for each way to speak bolt: v1, v2 without checksums, and v2 with a CRC32 behind every frame. */
    static List<Peer> all(String address) {
        String url = address + "?_CONNECTTIMEOUT=" + TIMEOUT_MILLIS;
        return List.of(
            new Peer("v1", 1, 0, url),
            new Peer("v2", 2, 1, url + "&_PROTOCOL=2&_VERSION=1"),
            new Peer("v2-crc", 2, 2, url + "&_PROTOCOL=2&_VERSION=2"));
    }

    Object call(Object request) throws Exception {
        return client.invokeSync(address, request, TIMEOUT_MILLIS);
    }

    EchoReply echo(EchoRequest request) throws Exception {
        return (EchoReply) call(request);
    }
}
