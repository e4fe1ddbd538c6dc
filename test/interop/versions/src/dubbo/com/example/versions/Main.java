package com.example.versions;

import java.util.HashMap;
import java.util.Map;
import org.apache.dubbo.config.ApplicationConfig;
import org.apache.dubbo.config.ProtocolConfig;
import org.apache.dubbo.config.ReferenceConfig;
import org.apache.dubbo.config.RegistryConfig;
import org.apache.dubbo.config.ServiceConfig;

/** server PORT [SERIALIZATION [PROTOCOL]] | client HOST:PORT CHECK N [SERIALIZATION [PROTOCOL]] */
public class Main {
    /** The most bytes of a message. Dubbo's own default is 8 MiB. */
    private static final int PAYLOAD = 64 << 20;

    public static void main(String[] args) throws Exception {
        if (args[0].equals("server")) {
            serve(Integer.parseInt(args[1]), arg(args, 2, "hessian2"), arg(args, 3, "dubbo"));
            return;
        }
        call(args[1], args[2], Integer.parseInt(args[3]), arg(args, 4, "hessian2"), arg(args, 5, "dubbo"));
        System.exit(0); // its threads would go on
    }

    private static String arg(String[] args, int i, String standard) {
        return args.length > i ? args[i] : standard;
    }

    /** 127.0.0.1 as one number: by its usual name, Dubbo connects to the address of a network card instead. */
    private static String host(String address) {
        return address.replace("127.0.0.1:", "2130706433:");
    }

    private static ApplicationConfig application() {
        ApplicationConfig application = new ApplicationConfig("versions");
        application.setQosEnable(false);
        return application;
    }

    private static void serve(int port, String serialization, String name) throws Exception {
        ProtocolConfig protocol = new ProtocolConfig(name, port);
        protocol.setHost("127.0.0.1");
        protocol.setSerialization(serialization);
        protocol.setPayload(PAYLOAD);
        protocol.setThreads(400);
        ServiceConfig<Echo> service = new ServiceConfig<>();
        service.setApplication(application());
        service.setRegistry(new RegistryConfig("N/A"));
        service.setProtocol(protocol);
        service.setInterface(Echo.class);
        service.setRef(new EchoService());
        service.export();
        System.out.println("ready " + port);
        Thread.currentThread().join();
    }

    private static void call(String address, String check, int n, String serialization, String protocol) throws Exception {
        ReferenceConfig<Echo> reference = new ReferenceConfig<>();
        reference.setApplication(application());
        reference.setInterface(Echo.class);
        Map<String, String> parameters = new HashMap<>();
        parameters.put("serialization", serialization);
        parameters.put("prefer.serialization", serialization);
        parameters.put("payload", Integer.toString(PAYLOAD));
        reference.setParameters(parameters);
        reference.setUrl(protocol + "://" + host(address) + "/" + Echo.class.getName() + "?serialization=" + serialization + "&payload=" + PAYLOAD);
        reference.setTimeout(30_000);
        reference.setRetries(0);
        reference.setCheck(false);
        Checks.run(reference.get(), check, n);
    }
}
