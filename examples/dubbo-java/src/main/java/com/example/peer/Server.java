package com.example.peer;

import com.example.api.Echo;
import com.example.api.Faults;
import com.example.api.Tally;
import com.example.api.Ticker;
import com.example.api.Variant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.apache.dubbo.config.ArgumentConfig;
import org.apache.dubbo.config.MethodConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ServiceConfig;

/** {@code Server PORT}: exports all services on 127.0.0.1:PORT and says {@code ready PORT}. */
public final class Server {
    private final ProtocolConfig protocol;

    private Server(int port) {
        protocol = new ProtocolConfig("dubbo", port);
        protocol.setHost(Peer.dubboHost("127.0.0.1"));
        // Dubbo 3 refuses every serialization that the provider did not name; Dubbo 2 does not know these keys.
        protocol.setParameters(Map.of("prefer.serialization", "hessian2,fastjson2"));
    }

    public static void main(String[] args) throws InterruptedException {
        if (args.length != 1) {
            System.err.println("usage: Server PORT");
            System.exit(2);
        }
        int port = Integer.parseInt(args[0]);
        Peer.configure("dubbo-example-server");
        new Server(port).exportAll();
        System.out.println("ready " + port);
        new CountDownLatch(1).await();
    }

    private void exportAll() {
        service(Echo.class, new EchoService()).export();
        service(Faults.class, new FaultsService()).export();
        service(Tally.class, new TallyService()).export();
        exportVariant("blue", null);
        exportVariant("green", null);
        exportVariant(null, "1.0.0");
        exportVariant(null, "2.0.0");
        exportVariant("blue", "2.0.0");
        exportTicker();
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

    /** Exports the service whose argument 2 is a callback: an object that stays at the client and is called there. */
    private void exportTicker() {
        ArgumentConfig listener = new ArgumentConfig();
        listener.setIndex(2);
        listener.setCallback(true);
        MethodConfig subscribe = new MethodConfig();
        subscribe.setName("subscribe");
        subscribe.setArguments(List.of(listener));

        ServiceConfig<Ticker> service = service(Ticker.class, new TickerService());
        service.setMethods(List.of(subscribe));
        service.export();
    }
}
