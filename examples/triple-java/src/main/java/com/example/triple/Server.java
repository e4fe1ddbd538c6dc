package com.example.triple;

import java.util.concurrent.CountDownLatch;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ServiceConfig;

/** {@code Server PORT}: exports all services on 127.0.0.1:PORT and says {@code ready PORT}. */
public final class Server {
    private final ProtocolConfig protocol;

    private Server(int port) {
        protocol = new ProtocolConfig("tri", port);
        protocol.setHost(Peer.dubboHost("127.0.0.1"));
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length != 1) {
            System.err.println("usage: Server PORT");
            System.exit(2);
        }
        int port = Integer.parseInt(args[0]);
        Peer.configure("triple-example-server");
        new Server(port).exportAll();
        System.out.println("ready " + port);
        new CountDownLatch(1).await();
    }

    private void exportAll() {
        service(Echo.class, new EchoService()).export();
        service(Streams.class, new StreamsService()).export();
        service(Greeter.class, new GreeterService()).export();
        exportVariant("blue", null);
        exportVariant("green", null);
        exportVariant(null, "1.0.0");
        exportVariant(null, "2.0.0");
        exportVariant("blue", "2.0.0");
    }

    private <T> ServiceConfig<T> service(Class<T> type, T implementation) {
        ServiceConfig<T> service = new ServiceConfig<>();
        service.setInterface(type);
        service.setRef(implementation);
        service.setProtocol(protocol);
        return service;
    }

    private void exportVariant(String group, String version) {
        ServiceConfig<Variant> service = service(Variant.class, () -> group + " " + version);
        service.setGroup(group);
        service.setVersion(version);
        service.export();
    }
}
